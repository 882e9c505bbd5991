/* sandbox_rule.h - what the filters of system calls are made of; for sandbox*.c alone. */
#ifndef POLICYPOOL_SANDBOX_RULE_H
#define POLICYPOOL_SANDBOX_RULE_H

#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>

#include "compiler.h"

/* An argument that is v, that is anything else, or that is v in the bits under a mask. */
static inline struct scmp_arg_cmp
sandbox_equal(unsigned argument, scmp_datum_t v)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_EQ, .datum_a = v, .datum_b = 0};
}

static inline struct scmp_arg_cmp
sandbox_unequal(unsigned argument, scmp_datum_t v)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_NE, .datum_a = v, .datum_b = 0};
}

static inline struct scmp_arg_cmp
sandbox_masked(unsigned argument, scmp_datum_t mask, scmp_datum_t v)
{
	return (struct scmp_arg_cmp){
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = v};
}

/* A call allowed if one argument is as said. */
struct sandbox_rule {
	int call;
	struct scmp_arg_cmp arg;
};

/* These return 0, or a negative errno.  A name that an architecture does not have is passed over by
 * libseccomp. */
MUST_CHECK static inline int
sandbox_allow(scmp_filter_ctx filter, const int *call, size_t n)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < n; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call[i], 0);
	return error;
}

MUST_CHECK static inline int
sandbox_allow_rules(scmp_filter_ctx filter, const struct sandbox_rule *rule, size_t n)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < n; i++)
		error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule[i].call, 1,
					       &rule[i].arg);
	return error;
}

/* The filter is in force, if error, of what was put into it, is 0, and is freed; NULL is fine with
 * an error. */
MUST_CHECK static inline int
sandbox_load(scmp_filter_ctx filter, int error)
{
	/* A tree in place of a list; it does without where the library is older. */
	if (error == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (error == 0)
		error = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	return error;
}

/* What gcov does at a process's end (tests/coverage.h): opens the files of its counters as nothing
 * else is opened, locks, reads and writes them. */
#ifdef COVERAGE
enum { SANDBOX_COUNTS = 1 };
MUST_CHECK static inline int
sandbox_allow_counters(scmp_filter_ctx filter)
{
	const struct sandbox_rule rules[] = {
		{SCMP_SYS(openat), sandbox_equal(2, O_RDWR | O_CREAT)},
		{SCMP_SYS(fcntl), sandbox_equal(1, F_SETLKW)},
	};
	int error = sandbox_allow_rules(filter, rules, sizeof rules / sizeof *rules);

	return error < 0 ? error : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(lseek), 0);
}
#else
enum { SANDBOX_COUNTS = 0 };
#define sandbox_allow_counters(filter) 0
#endif

#endif
