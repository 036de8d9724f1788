# SPDX-License-Identifier: MIT
#
# millrace-gdb.py - coroutines in gdb: of a live process, or out of its core.
#
#     (gdb) source core/millrace-gdb.py
#     (gdb) mr-list              a line for each coroutine of each hub
#     (gdb) mr-bt 7              the calls that coroutine #7 is in
#     (gdb) mr-bt all            everybody's
#
# A core that the kernel wrote has all of it; one that gdb writes (gcore) lacks
# stacks, unless the process was run with MR_STACK_GUARD=mprotect.
#
# Memory is only read: nothing runs in the process, so a core will do. Types
# come from the program's debug information (-g, which release builds have).
# Of a coroutine that is suspended the frame pointers are followed, from what
# the switch saved (core/switch_*.S); one that runs is its thread's backtrace.

import gdb

WORD = 8
# Where a saved context has its frame and instruction pointer, by architecture.
SAVED = {"x86-64": (48, 56), "aarch64": (80, 88)}
FRAMES_MAX = 200
STATES = ("new", "ready", "running", "resuming", "suspended", "parked", "done")
ERRANDS = ("ready", "running", "parked", "done")


def word(address):
    data = gdb.selected_inferior().read_memory(address, WORD)
    return int.from_bytes(data.tobytes(), "little")


def text(value):
    return value.string(errors="replace") if int(value) else ""


def saved():
    name = gdb.selected_inferior().architecture().name()
    for key, offsets in SAVED.items():
        if key in name:
            return offsets
    raise gdb.GdbError("no coroutines are known of on " + name)


def elements(head, kind, member):
    """The structs of a circular list (core/list.h)."""
    kind = gdb.lookup_type("struct " + kind)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == member)
    node = head["next"]
    while int(node) != int(head.address):
        yield gdb.Value(int(node) - offset).cast(kind.pointer())
        node = node["next"]


def hubs():
    slot = gdb.parse_and_eval("mr_hubs")
    while int(slot):
        if int(slot["hub"]):
            yield slot["hub"]
        slot = slot["next"]


def root_of(errand):
    kind = gdb.lookup_type("struct mr_coro")
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == "own")
    return gdb.Value(int(errand) - offset).cast(kind.pointer())


class Coroutine:
    def __init__(self, co, depth=0):
        self.co = co
        self.depth = depth
        self.id = int(co["id"])
        self.name = text(co["name"]) or text(co["entry"]) or "coroutine"
        self.state = STATES[int(co["state"])]
        if self.state == "running" and int(co["home"]) and \
                int(co["home"]["current"]) != int(co):
            self.state = "resuming"  # it has asked a generator
        self.why = ""
        if co["is_root"]:
            errand = co["own"][0]
            self.state = ERRANDS[int(errand["state"])]
        if self.state == "parked":
            self.why = text(co["errand"]["why"])

    def __str__(self):
        where = text(self.co["where"])
        return "%scoroutine #%d '%s' %s%s%s" % (
            "  " * self.depth + ("resumed: " if self.depth else ""),
            self.id, self.name, self.state,
            ": " + self.why if self.why else "",
            ", spawned at " + where if where else "")

    def bounds(self):
        """Lowest usable byte, and the record above the frames."""
        stack = self.co["stack"]
        return int(stack["bottom"]), int(stack)

    def thread(self):
        """Whose registers are on this stack: it is not suspended."""
        bottom, top = self.bounds()
        was = gdb.selected_thread()
        try:
            for thread in gdb.selected_inferior().threads():
                thread.switch()
                sp = int(gdb.newest_frame().read_register("sp"))
                if bottom <= sp < top:
                    return thread
        finally:
            if was:
                was.switch()
        return None

    def frames(self):
        if int(self.co["state"]) == STATES.index("new") or self.state == "done":
            return
        thread = self.thread()
        if thread:
            yield from running_frames(thread, self.bounds())
            return
        fp_at, pc_at = saved()
        sp = int(self.co["sp"])
        bottom, top = self.bounds()
        fp, pc = word(sp + fp_at), word(sp + pc_at)
        for _ in range(FRAMES_MAX):
            yield pc
            if fp < max(sp, bottom) or fp + 2 * WORD > top or fp % WORD:
                return
            sp, fp, pc = fp, word(fp), word(fp + WORD)
            if pc == 0:
                return


def running_frames(thread, bounds):
    was = gdb.selected_thread()
    thread.switch()
    pcs = []
    try:
        frame = gdb.newest_frame()
        while frame and len(pcs) < FRAMES_MAX:
            if not bounds[0] <= int(frame.read_register("sp")) <= bounds[1]:
                break
            pcs.append(frame.pc() + (1 if pcs else 0))
            frame = frame.older()
    except gdb.error:
        pass  # as far as it could be unwound
    finally:
        if was:
            was.switch()
    return pcs


def describe(pc, first):
    """A return address is looked up in the call before it."""
    at = pc if first else pc - 1
    block = None
    try:
        block = gdb.block_for_pc(at)
    except RuntimeError:
        pass
    while block and not block.function:
        block = block.superblock
    symbol = gdb.execute("info symbol 0x%x" % at, to_string=True)
    name = block.function.name if block else symbol.split(" in section")[0]
    if name.startswith("No symbol"):
        name = "??"
    line = gdb.find_pc_line(at)
    where = ""
    if line.symtab:
        where = " at %s:%d" % (line.symtab.filename, line.line)
    return "0x%016x in %s%s" % (pc, name.strip(), where)


def chain(errand):
    """The root, then what it resumed, inwards."""
    root = root_of(errand)
    inner = errand["inner"]
    if ERRANDS[int(errand["state"])] == "running":
        inner = innermost(root)
    found = []
    while int(inner) and int(inner) != int(root):
        found.append(inner)
        inner = inner["resumer"]
    if not int(inner):
        found = []
    yield Coroutine(root)
    for depth, co in enumerate(reversed(found), 1):
        yield Coroutine(co, depth)


def innermost(root):
    """Of the running errand: whoever of its thread's coroutines by hand runs on
    its behalf, and is resumed by nobody further in."""
    co = root
    found = True
    while found:
        found = False
        for other in by_hand(root["home"]):
            if int(other["resumer"]) == int(co) and \
                    STATES[int(other["state"])] in ("running", "resuming"):
                co, found = other, True
                break
    return co


def by_hand(home):
    if int(home):
        yield from elements(home["by_hand"], "mr_coro", "by_hand")


def everybody():
    for hub in hubs():
        homes = set()
        for errand in elements(hub["all"], "mr_errand", "all"):
            homes.add(int(root_of(errand)["home"]))
            yield from chain(errand)
        for home in homes:
            kind = gdb.lookup_type("struct mr_thread_state").pointer()
            for co in by_hand(gdb.Value(home).cast(kind)):
                one = Coroutine(co)
                if one.state in ("new", "suspended", "done"):
                    yield one


def backtrace(one):
    print(one)
    for i, pc in enumerate(one.frames()):
        # The innermost of a suspended one is a return address, too.
        print("  #%-2d %s" % (i, describe(pc, i == 0 and one.thread())))


class List(gdb.Command):
    """List the coroutines of all hubs: mr-list"""

    def __init__(self):
        super().__init__("mr-list", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        for one in everybody():
            print(one)


class Backtrace(gdb.Command):
    """Print the calls that coroutines are in: mr-bt ID, mr-bt all

    Each thread counts from 1, so there may be several of a number."""

    def __init__(self):
        super().__init__("mr-bt", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip().lstrip("#")
        if wanted != "all" and not wanted.isdigit():
            raise gdb.GdbError("mr-bt ID, or mr-bt all; mr-list has the ids")
        found = [one for one in everybody()
                 if wanted == "all" or one.id == int(wanted)]
        if not found and wanted != "all":
            raise gdb.GdbError("no coroutine has the number " + wanted)
        for one in found:
            backtrace(one)


List()
Backtrace()
