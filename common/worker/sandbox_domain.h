/* sandbox_domain.h - a process that cannot look into others of its user (a Landlock domain):
 * neither their descriptors, memory nor environment in /proc, and with Linux 6.12 it sends no
 * signals to them either.
 *
 * What it starts is in the same domain, also over exec. */
#ifndef POLICYPOOL_SANDBOX_DOMAIN_H
#define POLICYPOOL_SANDBOX_DOMAIN_H

#include <stdbool.h>

/* Does this kernel have what it takes: Landlock of Linux 5.19? */
bool sandbox_domain_can(void);

/* Enters a domain of its own; no_new_privs is set with it.  Where the kernel cannot nothing
 * happens.
 */
void sandbox_domain_enter(void);

#endif
