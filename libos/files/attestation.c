#include "libos/files/attestation.h"

#include "abi/evidence.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/lock.h"
#include "libos/files/computed.h"
#include "libos/files/mount.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define REPORT_DATA_SIZE 64
#define TARGET_INFO_SIZE 512
#define KEY_SIZE_SMALL 16
#define KEY_SIZE_LARGE 32
#define ATTESTATION_MAGIC 0x61747374 /* "atst" */

/* Never changed once others can see it: a write makes a new one. */
struct attestation_request {
	int32_t reference_count;
	bool has_report_data, has_target_info;
	uint8_t report_data[REPORT_DATA_SIZE], target_info[TARGET_INFO_SIZE];
};

/* Guards process->attestation of all, and the key. Nothing is taken below it. */
static struct lock request_lock;
static uint8_t key[KEY_SIZE_LARGE];
static size_t key_size; /* 0: none */

/* The host answers one request at a time. Below a file's own lock. */
static struct lock quote_lock;

static struct attestation_request *request_ref(struct attestation_request *request)
{
	if (request)
		__atomic_add_fetch(&request->reference_count, 1, __ATOMIC_RELAXED);
	return request;
}

void attestation_request_unref(struct attestation_request *request)
{
	if (request && !__atomic_sub_fetch(&request->reference_count, 1, __ATOMIC_ACQ_REL))
		heap_free(request);
}

static void request_unrefp(struct attestation_request **request)
{
	attestation_request_unref(*request);
}

/* NULL: nothing has been asked. */
static struct attestation_request *request_of(struct process *process)
{
	LOCK_SCOPE(&request_lock);
	return request_ref(process->attestation);
}

void attestation_request_inherit(struct process *child, struct process *parent)
{
	child->attestation = request_of(parent);
}

/* Another one like the caller's, to be changed and then put in its place. */
static struct attestation_request *request_copy(void)
{
	CLEANUP(request_unrefp)
	struct attestation_request *old = request_of(thread_current()->process);
	struct attestation_request *copy = heap_alloc(sizeof(*copy));

	if (!copy)
		return NULL;
	if (old)
		*copy = *old;
	copy->reference_count = 1;
	return copy;
}

static void request_replace(struct attestation_request *request)
{
	struct process *process = thread_current()->process;
	struct attestation_request *old;

	lock_acquire(&request_lock);
	old = process->attestation;
	process->attestation = request;
	lock_release(&request_lock);
	attestation_request_unref(old);
}

/* ---- What is asked for ---- */

static int user_report_data_store(
	const struct computed_entry *entry, const char *bytes, size_t size)
{
	struct attestation_request *request;

	(void)entry;
	if (size != REPORT_DATA_SIZE)
		return -EINVAL;
	request = request_copy();
	if (!request)
		return -ENOMEM;
	memcpy(request->report_data, bytes, size);
	request->has_report_data = true;
	request_replace(request);
	return 0;
}

static int user_report_data_show(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(request_unrefp)
	struct attestation_request *request = request_of(thread_current()->process);
	static const uint8_t zeros[REPORT_DATA_SIZE];

	(void)entry;
	text_put_bytes(text, request ? request->report_data : zeros, REPORT_DATA_SIZE);
	return 0;
}

static int target_info_store(const struct computed_entry *entry, const char *bytes, size_t size)
{
	struct attestation_request *request;

	(void)entry;
	if (size != TARGET_INFO_SIZE)
		return -EINVAL;
	request = request_copy();
	if (!request)
		return -ENOMEM;
	memcpy(request->target_info, bytes, size);
	request->has_target_info = true;
	request_replace(request);
	return 0;
}

static int target_info_show(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(request_unrefp)
	struct attestation_request *request = request_of(thread_current()->process);
	static const uint8_t zeros[TARGET_INFO_SIZE];

	(void)entry;
	text_put_bytes(text, request ? request->target_info : zeros, TARGET_INFO_SIZE);
	return 0;
}

/* ---- What is made ---- */

static int type_show(const struct computed_entry *entry, struct text *text)
{
	const char *type = platform_attestation_type();

	(void)entry;
	text_put(text, "%s", type ? type : "none");
	return 0;
}

/* Append the evidence for @report_data. */
static int quote_put(const uint8_t report_data[REPORT_DATA_SIZE], struct text *text)
{
	char *to = text_reserve(text, PLATFORM_QUOTE_SIZE_MAX);
	long size;

	if (!to)
		return -ENOMEM;
	lock_acquire(&quote_lock);
	size = platform_quote(report_data, (uint8_t *)to);
	lock_release(&quote_lock);
	if (size < 0)
		return (int)size;
	text->size += (size_t)size;
	return 0;
}

static int quote_show(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(request_unrefp)
	struct attestation_request *request = request_of(thread_current()->process);

	(void)entry;
	if (!request || !request->has_report_data)
		return -ENODATA;
	return quote_put(request->report_data, text);
}

/* The report within evidence: its first part (abi/evidence.md). */
static int read_report(
	const uint8_t report_data[REPORT_DATA_SIZE], struct evidence_report *ret_report)
{
	CLEANUP(text_free) struct text text = {0};
	struct evidence_part part;
	size_t at = sizeof(struct evidence_header);
	int r = quote_put(report_data, &text);

	if (r)
		return r;
	if (text.size < at + sizeof(part) + sizeof(*ret_report))
		return -EIO;
	memcpy(&part, text.bytes + at, sizeof(part));
	if (part.kind != EVIDENCE_PART_REPORT || part.size != sizeof(*ret_report))
		return -EIO;
	memcpy(ret_report, text.bytes + at + sizeof(part), sizeof(*ret_report));
	return 0;
}

static int report_show(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(request_unrefp)
	struct attestation_request *request = request_of(thread_current()->process);
	struct evidence_report report;
	int r;

	(void)entry;
	if (!request || !request->has_report_data || !request->has_target_info)
		return -ENODATA;
	r = read_report(request->report_data, &report);
	if (!r)
		text_put_bytes(text, &report, sizeof(report));
	return r;
}

/* Whom others address reports to: our measurement. */
static int my_target_info_show(const struct computed_entry *entry, struct text *text)
{
	static const uint8_t no_data[REPORT_DATA_SIZE];
	uint8_t target[TARGET_INFO_SIZE] = {0};
	struct evidence_report report;
	int r = read_report(no_data, &report);

	(void)entry;
	if (r)
		return r;
	memcpy(target, report.measurement, sizeof(report.measurement));
	text_put_bytes(text, target, sizeof(target));
	return 0;
}

/* ---- The key ---- */

static int key_show(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	LOCK_SCOPE(&request_lock);
	if (!key_size)
		return -ENODATA;
	text_put_bytes(text, key, key_size);
	return 0;
}

static int key_store(const struct computed_entry *entry, const char *bytes, size_t size)
{
	(void)entry;
	if (size != KEY_SIZE_SMALL && size != KEY_SIZE_LARGE)
		return -EINVAL;
	LOCK_SCOPE(&request_lock);
	memory_wipe(key, sizeof(key));
	memcpy(key, bytes, size);
	key_size = size;
	return 0;
}

/* ---- The tree ---- */

#define NODE_REQUEST(file_name, prefix, file_mode)                                                 \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | (file_mode), .show = prefix##_show,         \
		.store = prefix##_store                                                            \
	}

static const struct computed_node keys[] = {NODE_REQUEST("default", key, 0600)};

static const struct computed_node files[] = {
	NODE_FILE("attestation_type", type_show),
	NODE_DIRECTORY("keys", keys),
	NODE_FILE("my_target_info", my_target_info_show),
	NODE_FILE("quote", quote_show),
	NODE_FILE("report", report_show),
	NODE_REQUEST("target_info", target_info, 0666),
	NODE_REQUEST("user_report_data", user_report_data, 0666),
};

static const struct computed_node root = NODE_DIRECTORY("", files);

int attestation_mount(void)
{
	struct mount *mount = computed_mount_new("attestation", "attestation", ATTESTATION_MAGIC,
		MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, &root);

	return mount ? mount_attach(mount, "/dev/attestation") : -ENOMEM;
}
