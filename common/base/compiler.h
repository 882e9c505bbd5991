/* compiler.h - compiler attributes under names that say what they are for. */
#ifndef POLICYPOOL_COMPILER_H
#define POLICYPOOL_COMPILER_H

#define MUST_CHECK	  __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN	  __attribute__((noreturn))

#endif
