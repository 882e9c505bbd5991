/* handler_new.c - see handler_new.h.
 *
 * The files of handler/tool/new with the name in them; they are part of the program. */
#include "handler_new.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packet.h"
#include "printable.h"

#define FILE_OF(name)                                      \
	__asm__(".section .rodata\n"                       \
		".global handler_new_" #name "\n"          \
		"handler_new_" #name ":\n"                 \
		".incbin \"handler/tool/new/" #name "\"\n" \
		".byte 0\n"                                \
		".previous\n");                            \
	extern const char handler_new_##name[]

FILE_OF(python);
FILE_OF(node);
FILE_OF(perl);
FILE_OF(sh);
FILE_OF(c);
FILE_OF(conf);
FILE_OF(packet);
FILE_OF(readme);

struct language {
	const char *name;
	const char *text;   /* of the program */
	const char *suffix; /* of its file */
	mode_t mode;
	const char *handler; /* the lines of the settings */
	const char *build;   /* what makes the program; empty: nothing has to */
};

static const struct language languages[] = {
	{"python", handler_new_python, "", 0777,
	 "handler = exec\nhandler_command = {'@FOLDER@/@NAME@'}", ""},
	{"sh", handler_new_sh, "", 0777,
	 "handler = exec-once\nhandler_command = {'@FOLDER@/@NAME@'}", ""},
	{"node", handler_new_node, "", 0777,
	 "handler = exec\nhandler_command = {'@FOLDER@/@NAME@'}", ""},
	{"perl", handler_new_perl, "", 0777,
	 "handler = exec\nhandler_command = {'@FOLDER@/@NAME@'}", ""},
	{"c", handler_new_c, ".c", 0666, "handler = module\nhandler_module = '@FOLDER@/@NAME@.so'",
	 "cc -O2 -shared -fPIC -o @NAME@.so @NAME@.c $(pkg-config --cflags policypool-handler)"},
};

enum { LANGUAGES = sizeof languages / sizeof *languages };

struct made {
	const struct language *language;
	const char *name;
	char folder[PATH_MAX]; /* absolute */
	int dir;
	FILE *err;
};

static int
fail(const struct made *m, const char *what, const char *why)
{
	char shown[256];

	(void)fprintf(m->err, "ppool-handler: new: %s: %s\n", printable(what, shown, sizeof shown),
		      why);
	return -1;
}

/* ---- a file ---- */

/* In single quotes of a configuration file. */
static void
put_quoted(const char *text, FILE *to)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			(void)fputc('\\', to);
		(void)fputc(*text, to);
	}
}

static void put_text(const struct made *, const char *text, FILE *to);

/* What stands for the word at text, "@NAME@...", and its bytes; 0: it is none. */
static size_t
put_word(const struct made *m, const char *text, FILE *to)
{
	static const char *const words[] = {"@NAME@", "@FOLDER@", "@HANDLER@", "@BUILD@"};
	size_t i = 0;

	while (i < 4 && strncmp(text, words[i], strlen(words[i])) != 0)
		i++;
	switch (i) {
	case 0: (void)fputs(m->name, to); break;
	case 1: put_quoted(m->folder, to); break;
	case 2: put_text(m, m->language->handler, to); break;
	case 3:
		if (m->language->build[0] == '\0')
			break;
		(void)fputs("\n    ", to);
		put_text(m, m->language->build, to);
		(void)fputs("\n", to);
		break;
	default: return 0;
	}
	return strlen(words[i]);
}

static void
put_text(const struct made *m, const char *text, FILE *to)
{
	while (*text != '\0') {
		size_t n = *text == '@' ? put_word(m, text, to) : 0;

		if (n == 0)
			(void)fputc(*text++, to);
		text += n;
	}
}

static int
make_file(const struct made *m, const char *base, const char *suffix, mode_t mode, const char *text)
{
	char name[PACKET_ID_MAX + 16];
	int fd;
	FILE *to;

	(void)snprintf(name, sizeof name, "%s%s", base, suffix);
	fd = openat(m->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	to = fd < 0 ? NULL : fdopen(fd, "w");
	if (to == NULL) {
		int error = errno;

		if (fd >= 0)
			(void)close(fd);
		return fail(m, name, strerror(error));
	}
	put_text(m, text, to);
	if (ferror(to) | fclose(to))
		return fail(m, name, strerror(errno));
	return 0;
}

static int
make_files(const struct made *m)
{
	const struct language *l = m->language;

	if (make_file(m, m->name, l->suffix, l->mode, l->text) < 0 ||
	    make_file(m, m->name, ".conf", 0666, handler_new_conf) < 0 ||
	    make_file(m, "packet", ".json", 0666, handler_new_packet) < 0)
		return -1;
	return make_file(m, "README", "", 0666, handler_new_readme);
}

/* ---- the folder ---- */

static int
make_folder(struct made *m)
{
	if (mkdir(m->name, 0777) < 0)
		return fail(m, m->name,
			    errno == EEXIST ? "is there already; nothing was changed"
					    : strerror(errno));
	m->dir = open(m->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir < 0 || realpath(m->name, m->folder) == NULL)
		return fail(m, m->name, strerror(errno));
	return 0;
}

/* It is that of a file, of a policy and of a job.  Python and Node take a suffix for more than a
 * part of a name: json.py would be what the handler imports. */
static bool
is_name(const char *name)
{
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-";
	size_t n = strspn(name, bytes);

	return n > 0 && name[n] == '\0' && n <= PACKET_ID_MAX - 2 && name[0] != '-' &&
	       strcmp(name, "README") != 0;
}

static const struct language *
find(const char *name)
{
	for (size_t i = 0; i < LANGUAGES; i++)
		if (strcmp(languages[i].name, name) == 0)
			return &languages[i];
	return NULL;
}

void
handler_new_languages(FILE *out)
{
	for (size_t i = 0; i < LANGUAGES; i++)
		(void)fprintf(out, "%s%s", i > 0 ? " " : "", languages[i].name);
}

int
handler_new(const char *language, const char *name, FILE *out, FILE *err)
{
	struct made m = {.language = find(language), .name = name, .dir = -1, .err = err};
	int result;

	if (m.language == NULL) {
		(void)fail(&m, language, "no such language; there are:");
		(void)fputs("  ", err);
		handler_new_languages(err);
		(void)fputs("\n", err);
		return 2;
	}
	if (!is_name(name)) {
		(void)fail(&m, name,
			   "no name for a handler: letters, digits, _ and - are, 62 at most, and a "
			   "letter, digit or _ first; README is another file's");
		return 2;
	}
	result = make_folder(&m) < 0 ? -1 : make_files(&m);
	if (m.dir >= 0)
		(void)close(m.dir);
	if (result < 0)
		return 1;
	(void)fprintf(out, "%s/ has %s%s, %s.conf, packet.json and README\n", name, name,
		      m.language->suffix, name);
	(void)fprintf(out, "next: cd %s && ", name);
	put_text(&m, m.language->build, out);
	(void)fprintf(out, "%sppool-handler check -c %s.conf\n",
		      m.language->build[0] != '\0' ? " && " : "", name);
	return 0;
}
