/* A settings file of the proxy, whatever it holds, is taken or refused with reasons; what is taken
 * is shown as a file that is taken again and shown the same. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "proxy_settings.h"

static const char *
as_file(struct span text, int *fd)
{
	static char path[32];

	if (*fd < 0)
		*fd = memfd_create("conf", 0);
	HOLDS(*fd >= 0 && ftruncate(*fd, 0) == 0);
	HOLDS(pwrite(*fd, text.p, text.n, 0) == (ssize_t)text.n);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", *fd);
	return path;
}

/* What is in force then, to be freed; NULL when it was refused. */
static char *
load(struct span text, size_t *n)
{
	static int fd = -1;
	static char name[] = "ppool-proxy";
	char *const argv[] = {name, NULL};
	struct settings *s = settings_new(&proxy_settings_kind);
	struct conf_command command;
	char *said = NULL, *shown = NULL;
	size_t said_n;
	FILE *err = open_memstream(&said, &said_n), *out;
	int rc;

	HOLDS(s != NULL);
	rc = conf_load(s->table, s->tables, 1, argv, as_file(text, &fd), &command, err);
	HOLDS(fclose(err) == 0);
	HOLDS((rc == 0) == (said_n == 0));
	if (rc == 0) {
		out = open_memstream(&shown, n);
		conf_show(s->table, s->tables, out);
		HOLDS(fclose(out) == 0);
	}
	settings_release(s);
	free(said);
	return shown;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n, m;
	char *shown = load(fuzz_span(data, size), &n), *again;

	if (shown == NULL)
		return 0;
	again = load(span_of(shown, n), &m);
	HOLDS(again != NULL && n == m && memcmp(shown, again, n) == 0);
	free(shown);
	free(again);
	return 0;
}
