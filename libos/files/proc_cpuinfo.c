/* /proc/cpuinfo: what the processor says of itself (Intel SDM volume 2A, CPUID), in the words of
 * arch/x86/include/asm/cpufeatures.h. */
#include "base/memory.h"
#include "libos/files/cpuid.h"
#include "libos/files/proc.h"
#include "platform/platform.h"

/* Names of a register's bits 0 to 31; NULL: not shown. */
struct feature_word {
	uint32_t leaf, part;
	char reg;
	const char *names[32];
};

static const struct feature_word feature_words[] = {
	{1, 0, 'd',
		{"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep",
			"mtrr", "pge", "mca", "cmov", "pat", "pse36", "pn", "clflush", NULL, "dts",
			"acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe"}},
	{0x80000001, 0, 'd',
		{[11] = "syscall",
			[19] = "mp",
			[20] = "nx",
			[22] = "mmxext",
			[25] = "fxsr_opt",
			[26] = "pdpe1gb",
			[27] = "rdtscp",
			[29] = "lm",
			[30] = "3dnowext",
			[31] = "3dnow"}},
	{1, 0, 'c',
		{"pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2",
			"ssse3", "cid", "sdbg", "fma", "cx16", "xtpr", "pdcm", NULL, "pcid", "dca",
			"sse4_1", "sse4_2", "x2apic", "movbe", "popcnt", "tsc_deadline_timer",
			"aes", "xsave", NULL, "avx", "f16c", "rdrand", "hypervisor"}},
	{0x80000001, 0, 'c',
		{"lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a",
			"misalignsse", "3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", NULL,
			"lwp", "fma4", "tce", NULL, "nodeid_msr", NULL, "tbm", "topoext",
			"perfctr_core", "perfctr_nb", NULL, "bpext", "ptsc", "perfctr_llc",
			"mwaitx"}},
	{7, 0, 'b',
		{"fsgsbase", "tsc_adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2",
			"erms", "invpcid", "rtm", "cqm", NULL, "mpx", "rdt_a", "avx512f",
			"avx512dq", "rdseed", "adx", "smap", "avx512ifma", NULL, "clflushopt",
			"clwb", "intel_pt", "avx512pf", "avx512er", "avx512cd", "sha_ni",
			"avx512bw", "avx512vl"}},
	{0xd, 1, 'a', {"xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd"}},
	{7, 1, 'a', {[4] = "avx_vnni", [5] = "avx512_bf16"}},
	{0x80000008, 0, 'b', {"clzero", "irperf", "xsaveerptr", [9] = "wbnoinvd"}},
	{7, 0, 'c',
		{[1] = "avx512vbmi",
			[2] = "umip",
			[3] = "pku",
			[4] = "ospke",
			[5] = "waitpkg",
			[6] = "avx512_vbmi2",
			[8] = "gfni",
			[9] = "vaes",
			[10] = "vpclmulqdq",
			[11] = "avx512_vnni",
			[12] = "avx512_bitalg",
			[14] = "avx512_vpopcntdq",
			[16] = "la57",
			[22] = "rdpid",
			[24] = "bus_lock_detect",
			[25] = "cldemote",
			[27] = "movdiri",
			[28] = "movdir64b",
			[29] = "enqcmd",
			[30] = "sgx_lc"}},
	{7, 0, 'd',
		{[2] = "avx512_4vnniw",
			[3] = "avx512_4fmaps",
			[4] = "fsrm",
			[8] = "avx512_vp2intersect",
			[10] = "md_clear",
			[14] = "serialize",
			[16] = "tsxldtrk",
			[18] = "pconfig",
			[19] = "arch_lbr",
			[20] = "ibt",
			[22] = "amx_bf16",
			[23] = "avx512_fp16",
			[24] = "amx_tile",
			[25] = "amx_int8",
			[28] = "flush_l1d",
			[29] = "arch_capabilities"}},
};

static uint32_t feature_bits(const struct feature_word *word)
{
	uint32_t highest = cpuid(word->leaf & 0x80000000, 0).a;
	struct cpuid r;

	if (word->leaf > highest)
		return 0;
	r = cpuid(word->leaf, word->part);
	return word->reg == 'a' ? r.a : word->reg == 'b' ? r.b : word->reg == 'c' ? r.c : r.d;
}

static void put_features(struct text *text)
{
	text_put(text, "flags\t\t:");
	for (size_t i = 0; i < ARRAY_SIZE(feature_words); i++) {
		const struct feature_word *word = &feature_words[i];
		uint32_t bits = feature_bits(word);

		for (unsigned int bit = 0; bit < 32; bit++)
			if (word->names[bit] && bits >> bit & 1)
				text_put(text, " %s", word->names[bit]);
	}
	text_put(text, "\n");
}

/* The processor's name, without the blanks around it. */
static void find_model_name(char name[49])
{
	const char *start = name;
	size_t length;

	memset(name, 0, 49);
	if (cpuid(0x80000000, 0).a >= 0x80000004)
		for (uint32_t i = 0; i < 3; i++) {
			struct cpuid r = cpuid(0x80000002 + i, 0);

			memcpy(name + i * 16, &r, 16);
		}
	while (*start == ' ')
		start++;
	length = strlen(start);
	memmove(name, start, length + 1);
	while (length && name[length - 1] == ' ')
		name[--length] = '\0';
	if (!length)
		string_copy(name, "unknown", 49);
}

/* From leaf 16h, or from the name's "@ 2.50GHz". */
static uint32_t find_mhz(const char *name)
{
	const char *at = strchr(name, '@');
	uint32_t mhz = cpuid(0, 0).a >= 0x16 ? cpuid(0x16, 0).a & 0xffff : 0, unit = 1000;

	if (mhz || !at)
		return mhz ? mhz : 1000;
	for (at++; *at == ' '; at++)
		;
	for (; *at >= '0' && *at <= '9' && mhz < 100000; at++)
		mhz = mhz * 10 + (uint32_t)(*at - '0') * 1000;
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9' && unit > 1; at++) {
			unit /= 10;
			mhz += (uint32_t)(*at - '0') * unit;
		}
	return mhz ? mhz : 1000;
}

struct processor {
	char vendor[13], name[49];
	uint32_t family, model, stepping, mhz, cache_kb, flush_size, physical_bits, virtual_bits;
};

static void find_version(struct processor *p)
{
	struct cpuid r = cpuid(1, 0);

	p->family = r.a >> 8 & 15;
	p->model = r.a >> 4 & 15;
	if (p->family == 6 || p->family == 15)
		p->model |= r.a >> 12 & 0xf0;
	if (p->family == 15)
		p->family += r.a >> 20 & 0xff;
	p->stepping = r.a & 15;
	p->flush_size = (r.b >> 8 & 0xff) * 8;
}

static void find_sizes(struct processor *p)
{
	uint32_t highest = cpuid(0x80000000, 0).a;
	struct cpuid r = {0};

	p->physical_bits = 36;
	p->virtual_bits = 48;
	if (highest >= 0x80000008) {
		r = cpuid(0x80000008, 0);
		p->physical_bits = r.a & 0xff;
		p->virtual_bits = r.a >> 8 & 0xff;
	}
	if (highest >= 0x80000006)
		p->cache_kb = cpuid(0x80000006, 0).c >> 16;
}

static void processor_find(struct processor *p)
{
	struct cpuid r = cpuid(0, 0);

	*p = (struct processor){0};
	memcpy(p->vendor, &r.b, 4);
	memcpy(p->vendor + 4, &r.d, 4);
	memcpy(p->vendor + 8, &r.c, 4);
	find_model_name(p->name);
	find_version(p);
	find_sizes(p);
	p->mhz = find_mhz(p->name);
}

static void put_one(
	struct text *text, const struct processor *p, unsigned int index, unsigned int count)
{
	text_put(text,
		"processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n"
		"model name\t: %s\nstepping\t: %u\nmicrocode\t: 0xffffffff\n"
		"cpu MHz\t\t: %u.000\ncache size\t: %u KB\nphysical id\t: 0\nsiblings\t: %u\n"
		"core id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n"
		"fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n",
		index, p->vendor, p->family, p->model, p->name, p->stepping, p->mhz, p->cache_kb,
		count, index, count, index, index, cpuid(0, 0).a);
	put_features(text);
	text_put(text,
		"bugs\t\t:\nbogomips\t: %u.00\nclflush size\t: %u\ncache_alignment\t: %u\n"
		"address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
		p->mhz * 2, p->flush_size, p->flush_size, p->physical_bits, p->virtual_bits);
}

int proc_show_cpuinfo(const struct computed_entry *entry, struct text *text)
{
	unsigned int count = platform_cpu_count();
	struct processor processor;

	(void)entry;
	processor_find(&processor);
	for (unsigned int i = 0; i < count; i++)
		put_one(text, &processor, i, count);
	return 0;
}
