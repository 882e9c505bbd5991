/* handler_module.h - jobs done by a module, a shared object with the ABI of policypool/handler.h,
 * loaded into a job process. */
#ifndef POLICYPOOL_HANDLER_MODULE_H
#define POLICYPOOL_HANDLER_MODULE_H

#include "compiler.h"
#include "job_backend.h"

/* For the master: judges the file without loading it (module_elf.h).  0, or -1 with "PATH: what" in
 * why. */
MUST_CHECK int handler_module_check(const char *path, char why[HANDLER_WHY]);

/* setting: "key=value", ended by NULL; NULL: none.  Both borrowed.  NULL on ENOMEM.  Of one process
 * one alone: the ABI's setting() knows no state. */
void *handler_module_new(const char *path, char *const *setting, size_t max_reply);

/* Its state is what handler_module_new() returned. */
extern const struct job_backend handler_module_backend;

#endif
