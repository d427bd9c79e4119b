// SPDX-License-Identifier: GPL-2.0
/* An attacker who owns Linux's kernel: each thing that the hypervisor must withstand, done. */
#include <asm/asm.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/ioport.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/uaccess.h>

#include "tests/hypervisor/module/attack.h"

#define APIC_ADDRESS 0xfee00000UL
#define APIC_ICR_LOW 0x300
#define APIC_ICR_HIGH 0x310

static u64 *page;

static int read_word(u64 address, u64 *ret)
{
	u64 *from = __va(address);
	int r = 0;

	asm volatile("1:	mov (%[from]), %[value]\n"
		     "	jmp 3f\n"
		     "2:	mov %[fault], %[r]\n"
		     "3:\n" _ASM_EXTABLE(1b, 2b)
		     : [value] "=&r"(*ret), [r] "+r"(r)
		     : [from] "r"(from), [fault] "i"(-EFAULT));
	return r;
}

static int write_word(u64 address, u64 value)
{
	u64 *to = __va(address);
	int r = 0;

	asm volatile("1:	mov %[value], (%[to])\n"
		     "	jmp 3f\n"
		     "2:	mov %[fault], %[r]\n"
		     "3:\n" _ASM_EXTABLE(1b, 2b)
		     : [r] "+r"(r)
		     : [to] "r"(to), [value] "r"(value), [fault] "i"(-EFAULT)
		     : "memory");
	return r;
}

/* ---- Looking for a secret ---- */

static int scan_range(struct resource *resource, void *argument)
{
	struct attack *attack = argument;
	u64 at;

	for (at = PAGE_ALIGN(resource->start); at + PAGE_SIZE <= resource->end + 1; at += 8) {
		u64 first, second;

		if (read_word(at, &first) == 0 && first == attack->a &&
			(at & ~PAGE_MASK) <= PAGE_SIZE - 16 && read_word(at + 8, &second) == 0 &&
			second == ~attack->b) {
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

	asm volatile("vmmcall" : "+a"(r) : "D"(attack->b), "S"(attack->c) : "memory");
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
	return page ? misc_register(&attack_device) : -ENOMEM;
}

static void __exit attack_exit(void)
{
	misc_deregister(&attack_device);
	free_page((unsigned long)page);
}

module_init(attack_init);
module_exit(attack_exit);
MODULE_LICENSE("GPL");
