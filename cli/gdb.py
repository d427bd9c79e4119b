# For gdb, which `casemate gdb` tells to read it: threads that stand in the LibOS, and the program's
# frames below it.
#
# On the simulation platform every thread is a thread of the host. While it is in the LibOS its GS
# base leads to the LibOS's struct thread_block, in which the program's registers are.
import gdb
import gdb.unwinder

REGION_START, REGION_END = 0x680000000000, 0x6c0000000000
FRAME_OFFSET = 0x20  # struct thread_block.frame, in the order of the kernel's struct pt_regs
SLOT_ENTER_SIZE = 15  # what a slot begins with; behind it are moved instructions, and the jump back
SLOT_REST_SIZE = 33
FRAME_REGISTERS = ["r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx",
                   "rdx", "rsi", "rdi", None, "rip", None, "eflags", "rsp", None]


def in_libos(pc):
    return REGION_START <= pc < REGION_END


def program_registers(gs_base):
    """The program's registers: {name: value}."""
    memory = gdb.selected_inferior().read_memory(gs_base + FRAME_OFFSET, 8 * len(FRAME_REGISTERS))
    values = memoryview(memory).cast("B").cast("Q")
    registers = {name: values[i] for i, name in enumerate(FRAME_REGISTERS) if name}
    registers["rip"] = native_pc(registers["rip"])
    return registers


def jump_target(memory, address, at):
    """Of the `jmp rel32` that stands at memory[at], which is at @address; None: there is none."""
    if memory[at] != 0xe9:
        return None
    return address + 5 + int.from_bytes(memory[at + 1:at + 5], "little", signed=True)


def native_pc(pc):
    """Where the program's own code goes on, if @pc is in a slot of its trampolines: those that do
    the instructions after the `syscall` first (libos/loader/patch.h). No symbol names a slot."""
    inferior = gdb.selected_inferior()
    try:
        slot = inferior.read_memory(pc, SLOT_REST_SIZE).tobytes()
        for moved in range(SLOT_REST_SIZE - 5):
            back = jump_target(slot, pc + moved, moved)
            if back is None:
                continue
            site = back - moved - 2
            if jump_target(inferior.read_memory(site, 5).tobytes(), site, 0) == pc - SLOT_ENTER_SIZE:
                return site + 2
    except gdb.MemoryError:
        pass
    return pc


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class LibosUnwinder(gdb.unwinder.Unwinder):
    """Above whatever the LibOS does stands the program that called it."""

    def __init__(self):
        super().__init__("casemate-libos")

    def __call__(self, pending):
        pc, sp = (pending.read_register(name) for name in ("rip", "rsp"))
        if not in_libos(int(pc) & (1 << 64) - 1):
            return None
        gs_base = int(pending.read_register("gs_base")) & (1 << 64) - 1
        if not in_libos(gs_base):
            return None
        info = pending.create_unwind_info(FrameId(sp, pc))
        kinds = {name: pending.read_register(name).type for name in FRAME_REGISTERS if name}
        for name, value in program_registers(gs_base).items():
            value &= (1 << 8 * kinds[name].sizeof) - 1
            info.add_saved_register(name, gdb.Value(value.to_bytes(kinds[name].sizeof, "little"),
                                                    kinds[name]))
        return info


class ToProgram(gdb.Command):
    """Select the frame of the program if the thread stands in the LibOS."""

    def __init__(self):
        super().__init__("casemate-program", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        if in_libos(gdb.newest_frame().pc()):
            gdb.newest_frame().older().select()


gdb.unwinder.register_unwinder(None, LibosUnwinder(), replace=True)
ToProgram()
