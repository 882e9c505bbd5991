/* A file, whatever it holds, is judged as a module or refused with a reason.  Only its bytes are
 * looked at: nothing is loaded. */
#include "module_elf.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[160] = "";
	int rc = module_elf_judge(fuzz_span(data, size), why, sizeof why);

	HOLDS(rc == 0 || rc == -1);
	HOLDS((rc == 0) == (why[0] == '\0'));
	return 0;
}
