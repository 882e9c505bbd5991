/* module_elf.h - judges a shared object by its file, before any of its code runs.  Pure.
 *
 * ELF as in elf(5), of this program's own class, byte order and machine. */
#ifndef POLICYPOOL_MODULE_ELF_H
#define POLICYPOOL_MODULE_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "span.h"

/* 0 when the file can be loaded as a handler as far as can be seen: a shared object without text
 * relocations that exports ppool_handler_1, of ABI 1.  Otherwise -1 with the reason in why. Offsets
 * in the file are a stranger's word. */
MUST_CHECK int module_elf_judge(struct span file, char *why, size_t size);

/* Of the handler's structure, there or loaded: is it of ABI 1, and whole?  As above. */
MUST_CHECK int module_elf_abi(uint32_t abi, uint32_t size, char *why, size_t room);

#endif
