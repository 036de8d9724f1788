/* SPDX-License-Identifier: MIT */

/*
 * symbol.c - what an address of code is called.
 *
 * The dynamic linker says which file lies where (dl_iterate_phdr); the file's
 * .symtab says what is in it, and .dynsym when it was stripped of that. dladdr
 * knows the latter alone, where no static function is.
 *
 *  (1) Nothing of a file is believed: each offset is checked against its size.
 *  (2) A file is mapped when an address in it is first asked for, and names
 *      point into the mapping, until mr_symbols_free.
 *
 * A look-up reads the whole table of a file. Backtraces repeat themselves, so
 * what was found is kept by its address.
 */
#include "core/symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "core/sys.h"

/* A program with more libraries has names for the first of them. */
#define MODULES_MAX 64
/* Places in the memory of look-ups, 40 KiB. A power of two. */
#define KNOWN 1024

struct module {
    uintptr_t bias; /* address in memory less that in the file */
    uintptr_t low;  /* its code */
    uintptr_t high;
    const char *path; /* the linker's */
    bool is_program;
    bool tried;       /* to map it */
    const char *file; /* the mapping, or NULL */
    size_t size;
};

struct known {
    uintptr_t pc; /* 0: empty */
    struct mr_symbol symbol;
};

struct mr_symbols {
    size_t n;
    struct module modules[MODULES_MAX];
    struct known known[KNOWN];
};

/* --- what is loaded --- */

static int add_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct mr_symbols *s = arg;
    struct module *m;

    (void)size;
    if (s->n == MODULES_MAX)
        return 1;
    m = &s->modules[s->n];
    *m = (struct module){.bias = info->dlpi_addr, .low = UINTPTR_MAX};
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t low = info->dlpi_addr + p->p_vaddr;

        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        m->low = MR_MIN(m->low, low);
        m->high = MR_MAX(m->high, low + p->p_memsz);
    }
    m->is_program = s->n == 0; /* dl_iterate_phdr(3): the first */
    m->path = info->dlpi_name;
    if (m->is_program)
        m->path = (const char *)getauxval(AT_EXECFN);
    s->n++;
    return 0;
}

struct mr_symbols *mr_symbols_new(void)
{
    struct mr_symbols *s = mr_calloc(1, sizeof *s);

    if (s)
        dl_iterate_phdr(add_module, s);
    return s;
}

void mr_symbols_free(struct mr_symbols *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        if (s->modules[i].file)
            mr_sys_munmap((void *)(uintptr_t)s->modules[i].file,
                          s->modules[i].size);
    }
    mr_free(s);
}

/* What cannot be mapped has no names, only offsets. */
static void map(struct module *m)
{
    const char *path = m->is_program ? "/proc/self/exe" : m->path;
    struct stat st;
    void *p = NULL;
    int fd, err;

    if (m->tried)
        return;
    m->tried = true;
    fd = mr_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (mr_sys_fstat(fd, &st) == 0 && st.st_size > 0)
        p = mr_sys_mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0,
                        &err);
    mr_sys_close(fd);
    if (!p)
        return;
    m->file = p;
    m->size = (size_t)st.st_size;
}

/* --- a file's symbols --- */

/* n things of a size at an offset, or NULL: invariant (1). */
static const void *at(const struct module *m, uint64_t offset, uint64_t n,
                      size_t size)
{
    if (offset > m->size || n > (m->size - offset) / size)
        return NULL;
    return m->file + offset;
}

static const ElfW(Shdr) * sections(const struct module *m, size_t *ret_n)
{
    const ElfW(Ehdr) *head = at(m, 0, 1, sizeof *head);

    if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
        head->e_shentsize != sizeof(ElfW(Shdr)) ||
        head->e_shoff % _Alignof(ElfW(Shdr)) != 0)
        return NULL;
    *ret_n = head->e_shnum;
    return at(m, head->e_shoff, head->e_shnum, sizeof(ElfW(Shdr)));
}

static const ElfW(Shdr) *
    table_of(const ElfW(Shdr) * all, size_t n, uint32_t type)
{
    for (size_t i = 0; i < n; i++) {
        if (all[i].sh_type == type && all[i].sh_link < n &&
            all[i].sh_offset % _Alignof(ElfW(Sym)) == 0)
            return &all[i];
    }
    return NULL;
}

static bool covers(const ElfW(Sym) * y, uintptr_t offset)
{
    return ELF64_ST_TYPE(y->st_info) == STT_FUNC && y->st_shndx != SHN_UNDEF &&
           offset >= y->st_value && offset - y->st_value < y->st_size;
}

static void look_up(const struct module *m, struct mr_symbol *ret)
{
    const ElfW(Shdr) * all, *table, *names;
    const ElfW(Sym) * y;
    const char *text;
    size_t n = 0;

    all = sections(m, &n);
    if (!all)
        return;
    table = table_of(all, n, SHT_SYMTAB);
    if (!table)
        table = table_of(all, n, SHT_DYNSYM);
    if (!table)
        return;
    names = &all[table->sh_link];
    n = table->sh_size / sizeof *y;
    y = at(m, table->sh_offset, n, sizeof *y);
    text = at(m, names->sh_offset, names->sh_size, 1);
    if (!y || !text || names->sh_size == 0 || text[names->sh_size - 1] != '\0')
        return;
    for (size_t i = 0; i < n; i++) {
        if (!covers(&y[i], ret->offset) || y[i].st_name >= names->sh_size)
            continue;
        ret->name = text + y[i].st_name;
        ret->into = ret->offset - y[i].st_value;
        return;
    }
}

/* --- asking --- */

void mr_symbol_find(struct mr_symbols *s, uintptr_t pc, struct mr_symbol *ret)
{
    struct known *k;

    *ret = (struct mr_symbol){0};
    if (!s)
        return;
    k = &s->known[pc % KNOWN];
    if (k->pc == pc) {
        *ret = k->symbol;
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        struct module *m = &s->modules[i];

        if (pc < m->low || pc >= m->high)
            continue;
        ret->file = m->path;
        ret->offset = pc - m->bias;
        map(m);
        if (m->file)
            look_up(m, ret);
        break;
    }
    *k = (struct known){pc, *ret};
}

void mr_symbol_format(struct mr_symbols *s, uintptr_t pc, bool is_return,
                      char *buf, size_t size)
{
    unsigned back = is_return ? 1 : 0;
    struct mr_symbol y;

    mr_symbol_find(s, pc - back, &y);
    if (!y.file)
        snprintf(buf, size, "0x%jx", (uintmax_t)pc);
    else if (!y.name)
        snprintf(buf, size, "0x%jx (%s+0x%jx)", (uintmax_t)pc, y.file,
                 (uintmax_t)y.offset);
    else
        snprintf(buf, size, "0x%jx %s+0x%jx (%s+0x%jx)", (uintmax_t)pc, y.name,
                 (uintmax_t)y.into + back, y.file, (uintmax_t)y.offset);
}
