/* secure_mem: what lies there is in no core file. */
#include "secure_mem.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The flags of the mapping that at is in, as the kernel tells them; empty: it is in none. */
static const char *
flags_of(const void *at)
{
	static char line[1024];
	FILE *f = fopen("/proc/self/smaps", "r");
	uintptr_t from, to;
	bool here = false;

	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f) != NULL) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
			here = (uintptr_t)at >= from && (uintptr_t)at < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			break;
		line[0] = '\0';
	}
	(void)fclose(f);
	return line;
}

Test(vault, what_lies_there_is_in_no_core_file)
{
	const size_t sizes[] = {1, 4096, 5000, 1 << 20};
	char *ordinary = malloc(100);

	cr_assert_not_null(ordinary);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *at = secure_mem_new(sizes[i]);
		cr_assert_not_null(at);
		for (size_t b = 0; b < sizes[i]; b++)
			cr_assert_eq(at[b], 0);
		memset(at, 'x', sizes[i]);
		cr_assert_not_null(strstr(flags_of(at), " dd"), "%s", flags_of(at));
		cr_assert_not_null(strstr(flags_of(at + sizes[i] - 1), " dd"));
		cr_assert_null(strstr(flags_of(ordinary), " dd"));
		secure_mem_free(at, sizes[i]);
		cr_assert_str_empty(flags_of(at), "given back");
	}
	secure_mem_free(NULL, 1);
	free(ordinary);
}
