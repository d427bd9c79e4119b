// SPDX-License-Identifier: GPL-2.0
/* An attacker who owns Linux's kernel: each thing that the hypervisor must withstand, done. */
#include <asm/apic.h>
#include <asm/asm.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hw_breakpoint.h>
#include <linux/ioport.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/panic_notifier.h>
#include <linux/perf_event.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "abi/hypervisor.h"
#include "tests/hypervisor/module/attack.h"

#define APIC_ADDRESS 0xfee00000UL
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310

static u64 *page;

/* Memory stands in the kernel's map of it; registers of devices are mapped for once. */
static u64 *map(u64 address)
{
	return pfn_valid(PHYS_PFN(address)) ? __va(address)
					    : (__force u64 *)ioremap(address, sizeof(u64));
}

static void unmap(u64 address, u64 *mapped)
{
	if (!pfn_valid(PHYS_PFN(address)))
		iounmap((void __iomem *)mapped);
}

static int read_at(const u64 *from, u64 *ret)
{
	int r = 0;

	asm volatile("1:	mov (%[from]), %[value]\n"
		     "	jmp 3f\n"
		     "2:	mov %[fault], %[r]\n"
		     "3:\n" _ASM_EXTABLE(1b, 2b)
		     : [value] "=&r"(*ret), [r] "+r"(r)
		     : [from] "r"(from), [fault] "i"(-EFAULT));
	return r;
}

static int read_word(u64 address, u64 *ret)
{
	u64 *from = map(address);
	int r = read_at(from, ret);

	unmap(address, from);
	return r;
}

static int write_word(u64 address, u64 value)
{
	u64 *to = map(address);
	int r = 0;

	asm volatile("1:	mov %[value], (%[to])\n"
		     "	jmp 3f\n"
		     "2:	mov %[fault], %[r]\n"
		     "3:\n" _ASM_EXTABLE(1b, 2b)
		     : [r] "+r"(r)
		     : [to] "r"(to), [value] "r"(value), [fault] "i"(-EFAULT)
		     : "memory");
	unmap(address, to);
	return r;
}

/* ---- Looking for a secret ---- */

static int scan_range(struct resource *resource, void *argument)
{
	struct attack *attack = argument;
	u64 at;

	for (at = PAGE_ALIGN(resource->start); at + PAGE_SIZE <= resource->end + 1; at += 8) {
		u64 first, second;

		if (read_at(__va(at), &first) == 0 && first == attack->a &&
			(at & ~PAGE_MASK) <= PAGE_SIZE - 16 &&
			read_at(__va(at + 8), &second) == 0 && second == ~attack->b) {
			attack->result++;
			attack->c = at;
		}
		if (!(at & 0xfffff))
			cond_resched();
	}
	return 0;
}

static void scan(struct attack *attack)
{
	attack->result = 0;
	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1, attack,
		scan_range);
}

/* Writes ones where ones are, which changes nothing: does it fault? */
static bool is_read_only(u64 *word)
{
	u64 ones = ~0UL;
	int r = 0;

	asm volatile("1:	lock cmpxchg %[new], (%[word])\n"
		     "	jmp 3f\n"
		     "2:	mov %[fault], %[r]\n"
		     "3:\n" _ASM_EXTABLE(1b, 2b)
		     : [r] "+r"(r), "+a"(ones)
		     : [word] "r"(word), [new] "r"(~0UL), [fault] "i"(-EFAULT)
		     : "memory");
	return r < 0;
}

static bool is_hidden(u64 at)
{
	u64 first, last;

	return read_at(__va(at), &first) == 0 && first == ~0UL &&
	       read_at(__va(at + PAGE_SIZE - 8), &last) == 0 && last == ~0UL &&
	       is_read_only(__va(at));
}

static int find_hidden(struct resource *resource, void *argument)
{
	struct attack *attack = argument;
	u64 at = max_t(u64, PAGE_ALIGN(resource->start), attack->a);

	for (; at + PAGE_SIZE <= resource->end + 1; at += PAGE_SIZE) {
		if (!is_hidden(at))
			continue;
		attack->c = at;
		attack->result = 1;
		return 1;
	}
	return 0;
}

static void next_hidden(struct attack *attack)
{
	attack->result = 0;
	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1, attack,
		find_hidden);
}

/* ---- /dev/mem ---- */

static int allow(struct kretprobe_instance *instance, struct pt_regs *registers)
{
	regs_set_return_value(registers, 1);
	return 0;
}

static struct kretprobe devmem = {.handler = allow, .kp.symbol_name = "devmem_is_allowed"};
static bool devmem_is_open;

static int open_devmem(bool open)
{
	int r = 0;

	if (open && !devmem_is_open)
		r = register_kretprobe(&devmem);
	else if (!open && devmem_is_open)
		unregister_kretprobe(&devmem);
	devmem_is_open = open && r == 0;
	return r;
}

/* ---- INIT and its like ---- */

static void nothing(void *argument)
{
}

static void send_icr(struct attack *attack)
{
	void __iomem *apic = ioremap(APIC_ADDRESS, PAGE_SIZE);

	if (!apic) {
		attack->result = -ENOMEM;
		return;
	}
	preempt_disable();
	writel(attack->a << 24, apic + APIC_ICR_HIGH);
	writel(attack->b, apic + APIC_ICR_LOW);
	preempt_enable();
	iounmap(apic);
	mdelay(50);
	/* Answers, or hangs for ever. */
	attack->result = smp_call_function_single(attack->c, nothing, NULL, 1) == 0;
}

/* ---- SVM's instructions ---- */

#define TRY(instruction)                                                                           \
	asm volatile("1:	" instruction "\n"                                                 \
		     "	jmp 3f\n"                                                                   \
		     "2:	mov %[fault], %[r]\n"                                                     \
		     "3:\n" _ASM_EXTABLE(1b, 2b)                                                   \
		     : [r] "+r"(r)                                                                 \
		     : [fault] "i"(-EFAULT), "a"(address), "c"(0)                                  \
		     : "memory", "edx")

static int svm(u64 which)
{
	u64 address = virt_to_phys(page);
	int r = 0;

	switch (which) {
	case 0:
		TRY("vmrun %%rax");
		break;
	case 1:
		TRY("vmload %%rax");
		break;
	case 2:
		TRY("vmsave %%rax");
		break;
	case 3:
		TRY("stgi");
		break;
	case 4:
		TRY("clgi");
		break;
	case 5:
		TRY("skinit %%eax");
		break;
	case 6:
		TRY("invlpga %%rax, %%ecx");
		break;
	}
	return r;
}

/* ---- DMA (QEMU, docs/specs/edu.txt) ---- */

#define EDU_SOURCE 0x80
#define EDU_TARGET 0x88
#define EDU_COUNT 0x90
#define EDU_COMMAND 0x98
#define EDU_RUN 1
#define EDU_TO_MEMORY 2
#define EDU_BUFFER 0x40000
#define EDU_POISON 0x6e6f7468696e67UL

static void __iomem *edu;
static struct pci_dev *edu_device;

static void edu_init(void)
{
	edu_device = pci_get_device(0x1234, 0x11e8, NULL);
	if (!edu_device || pci_enable_device(edu_device) < 0)
		return;
	pci_set_master(edu_device);
	edu = pci_iomap(edu_device, 0, 0);
}

static void edu_exit(void)
{
	if (edu)
		pci_iounmap(edu_device, edu);
	pci_dev_put(edu_device);
}

/* One word, between memory and the device's buffer. */
static void edu_move(u64 address, u64 direction)
{
	writeq(direction ? EDU_BUFFER : address, edu + EDU_SOURCE);
	writeq(direction ? address : EDU_BUFFER, edu + EDU_TARGET);
	writeq(sizeof(u64), edu + EDU_COUNT);
	writeq(EDU_RUN | direction, edu + EDU_COMMAND);
	while (readq(edu + EDU_COMMAND) & EDU_RUN)
		msleep(10);
}

static void dma_read(struct attack *attack)
{
	page[0] = EDU_POISON;
	edu_move(virt_to_phys(page), 0);
	edu_move(attack->a, 0);
	page[0] = 0;
	edu_move(virt_to_phys(page), EDU_TO_MEMORY);
	attack->b = page[0];
	attack->result = page[0] != EDU_POISON && page[0]; /* a read that is blocked may give 0 */
}

static void dma_write(struct attack *attack)
{
	page[0] = attack->b;
	edu_move(virt_to_phys(page), 0);
	edu_move(attack->a, EDU_TO_MEMORY);
	attack->result = 0;
}

static void dma(unsigned int command, struct attack *attack)
{
	if (!edu)
		attack->result = -ENODEV;
	else if (command == ATTACK_DMA_READ)
		dma_read(attack);
	else
		dma_write(attack);
}

/* ---- Breakpoints and single steps ---- */

static struct perf_event *__percpu *breakpoints[2];
static atomic_t heard;

static void hear(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *registers)
{
	atomic_inc(&heard);
}

static int watch_one(unsigned int number, u64 address, u32 type, u64 length)
{
	struct perf_event_attr attribute;

	hw_breakpoint_init(&attribute);
	attribute.bp_addr = address;
	attribute.bp_type = type;
	attribute.bp_len = length;
	breakpoints[number] = register_wide_hw_breakpoint(&attribute, hear, NULL);
	return PTR_ERR_OR_ZERO((__force void *)breakpoints[number]);
}

static void watch(struct attack *attack)
{
	atomic_set(&heard, 0);
	attack->result = attack->a ? watch_one(0, attack->a, HW_BREAKPOINT_X, sizeof(long)) : 0;
	if (attack->result == 0)
		attack->result = watch_one(1, attack->b, HW_BREAKPOINT_W, HW_BREAKPOINT_LEN_8);
}

static void stop_watching(void)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (!IS_ERR_OR_NULL((__force void *)breakpoints[i]))
			unregister_wide_hw_breakpoint(breakpoints[i]);
		breakpoints[i] = NULL;
	}
}

static int hear_step(struct notifier_block *block, unsigned long event, void *data)
{
	struct die_args *arguments = data;

	if (event != DIE_DEBUG)
		return NOTIFY_DONE;
	/* One of Linux's own is enough: it is the one after VMMCALL, or the third of three. */
	if (atomic_inc_return(&heard) >= 3)
		arguments->regs->flags &= ~X86_EFLAGS_TF;
	return NOTIFY_STOP;
}

static struct notifier_block step_block = {.notifier_call = hear_step};

#define FLAGS_STEP "pushfq\n orq $0x100, (%%rsp)\n popfq\n"
#define FLAGS_RUN "pushfq\n andq $~0x100, (%%rsp)\n popfq\n"

static u64 enter_stepping(const struct attack *attack, u64 *ret_answer)
{
	u64 r = HC_ENCLAVE_ENTER, answer = attack->c;
	unsigned long flags;

	atomic_set(&heard, 0);
	local_irq_save(flags);
	asm volatile(FLAGS_STEP "vmmcall\n" FLAGS_RUN
		     : "+a"(r), "+d"(answer)
		     : "D"(attack->a), "S"(attack->b)
		     : "memory", "cc", "r8", "r9", "r10");
	local_irq_restore(flags);
	*ret_answer = answer;
	return r;
}

static void step(struct attack *attack)
{
	u64 answer = 0;

	atomic_set(&heard, 0);
	register_die_notifier(&step_block);
	if (!attack->a)
		asm volatile(FLAGS_STEP "nop\n nop\n nop\n" FLAGS_RUN : : : "memory", "cc");
	else
		while (enter_stepping(attack, &answer) == HC_EXIT_INTERRUPTED)
			cond_resched();
	unregister_die_notifier(&step_block);
	attack->c = answer;
	attack->result = atomic_read(&heard);
}

/* ---- What it costs ---- */

static u64 time_once(u64 what, const struct attack *attack, u64 *ret_inside)
{
	u64 r = what == ATTACK_COST_ENTER ? HC_ENCLAVE_ENTER : HC_FLUSH, answer = attack->c;
	u32 a = 0, b, c = 0, d;
	u64 start = rdtsc();

	if (what == ATTACK_COST_CPUID)
		asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	else if (what == ATTACK_COST_APIC)
		writel(0, (void __iomem *)APIC_BASE + APIC_TASKPRI);
	else if (what != ATTACK_COST_NOTHING)
		asm volatile("vmmcall"
			     : "+a"(r), "+d"(answer)
			     : "D"(attack->a), "S"(attack->b)
			     : "memory", "r8", "r9", "r10");
	*ret_inside = answer - start;
	return rdtsc() - start;
}

/* The least of many: an interrupt that is served below is nobody's cost. */
static void cost(struct attack *attack)
{
	u64 what = attack->result, least = ~0UL, least_inside = ~0UL, inside;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		local_irq_save(flags);
		least = min(least, time_once(what, attack, &inside));
		least_inside = min(least_inside, inside);
		local_irq_restore(flags);
	}
	attack->b = least_inside;
	attack->result = least;
}

/* ---- A panic ---- */

/* Last of all who are told, so after the driver. */
static int on_panic(struct notifier_block *block, unsigned long action, void *data)
{
	const struct hypervisor_status *status = (void *)page;
	long r = HC_STATUS;

	asm volatile("vmmcall" : "+a"(r) : "D"(virt_to_phys(page)), "S"(0) : "memory");
	pr_emerg("@@ %sok - a panic wipes all of the enclaves'\n",
		r == 0 && status->flags & HYPERVISOR_STATUS_WIPED && status->enclave_count
			? ""
			: "not ");
	pr_emerg("@@ end\n");
	return NOTIFY_DONE;
}

static struct notifier_block panic_block = {.notifier_call = on_panic, .priority = INT_MIN};

static int watch_panic(void)
{
	return atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
}

/* ---- The rest ---- */

static void look_up(struct attack *attack)
{
	unsigned int level;
	pte_t *pte = lookup_address(attack->b + (attack->a << PAGE_SHIFT), &level);

	attack->result = pte && level == PG_LEVEL_4K ? (pte_val(*pte) & PTE_PFN_MASK) : 0;
}

static void hypercall(struct attack *attack)
{
	u64 r = attack->a;

	asm volatile("vmmcall"
		     : "+a"(r)
		     : "D"(attack->b), "S"(attack->c), "d"(attack->result)
		     : "memory");
	attack->result = r;
}

static void carry_out(unsigned int command, struct attack *attack)
{
	switch (command) {
	case ATTACK_SCAN:
		scan(attack);
		break;
	case ATTACK_PLANT:
		page[0] = attack->a;
		page[1] = ~attack->b;
		attack->c = virt_to_phys(page);
		break;
	case ATTACK_READ:
		attack->result = read_word(attack->a, &attack->b);
		break;
	case ATTACK_WRITE:
		attack->result = write_word(attack->a, attack->b);
		break;
	case ATTACK_RDMSR:
		attack->result = rdmsrl_safe(attack->a, &attack->b);
		break;
	case ATTACK_WRMSR:
		attack->result = wrmsrl_safe(attack->a, attack->b);
		break;
	case ATTACK_HYPERCALL:
		hypercall(attack);
		break;
	case ATTACK_ICR:
		send_icr(attack);
		break;
	case ATTACK_SVM:
		attack->result = svm(attack->a);
		break;
	case ATTACK_LOOK_UP:
		look_up(attack);
		break;
	case ATTACK_PAGE:
		attack->a = virt_to_phys(page);
		page[0] = attack->b;
		page[1] = attack->c;
		break;
	case ATTACK_NEXT_HIDDEN:
		next_hidden(attack);
		break;
	case ATTACK_DEVMEM:
		attack->result = open_devmem(attack->a);
		break;
	case ATTACK_DMA_READ:
	case ATTACK_DMA_WRITE:
		dma(command, attack);
		break;
	case ATTACK_WATCH:
		watch(attack);
		break;
	case ATTACK_WATCHED:
		attack->result = atomic_read(&heard);
		stop_watching();
		break;
	case ATTACK_STEP:
		step(attack);
		break;
	case ATTACK_COST:
		cost(attack);
		break;
	case ATTACK_PANIC:
		attack->result = watch_panic();
		break;
	default:
		attack->result = -ENOTTY;
	}
}

static long attack_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct attack attack;

	if (copy_from_user(&attack, (void __user *)argument, sizeof(attack)))
		return -EFAULT;
	carry_out(command, &attack);
	return copy_to_user((void __user *)argument, &attack, sizeof(attack)) ? -EFAULT : 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = attack_ioctl,
};

static struct miscdevice attack_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "attack",
	.fops = &operations,
};

static int __init attack_init(void)
{
	page = (u64 *)get_zeroed_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	edu_init();
	return misc_register(&attack_device);
}

static void __exit attack_exit(void)
{
	misc_deregister(&attack_device);
	open_devmem(false);
	stop_watching();
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
	edu_exit();
	free_page((unsigned long)page);
}

module_init(attack_init);
module_exit(attack_exit);
MODULE_LICENSE("GPL");
