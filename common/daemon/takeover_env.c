/* takeover_env.c - see takeover_env.h. */
#include "takeover_env.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "process_init.h"
#include "sd_notify.h"

void
takeover_env_add(struct takeover_env *b, enum takeover_kind kind, int fd, const char *about,
		 bool mine)
{
	struct takeover_env_item *i = b->n < TAKEOVER_MOST ? &b->item[b->n] : NULL;

	if (i != NULL)
		*i = (struct takeover_env_item){.kind = kind, .fd = fd, .mine = mine};
	if (i != NULL && (i->about = strdup(about)) != NULL) {
		b->n++;
		return;
	}
	log_event(LOG_ERROR, "cannot pass it on", "kind=%s", takeover_kind_text(kind));
	if (mine)
		(void)close(fd);
}

void
takeover_env_close(struct takeover_env *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->item[i].mine) {
			(void)close(b->item[i].fd);
			b->item[i].mine = false;
		}
}

void
takeover_env_drop(struct takeover_env *b)
{
	takeover_env_close(b);
	for (unsigned i = 0; i < b->n; i++)
		free(b->item[i].about);
	b->n = 0;
}

/* The variable's value; NULL on ENOMEM. */
static char *
describe(const struct takeover_env *b)
{
	struct buf out = BUF_INIT;
	bool fine = buf_printf(&out, "%d\n", (int)TAKEOVER_VERSION) == 0;
	char *text = NULL;

	for (unsigned i = 0; fine && i < b->n; i++)
		fine = buf_printf(&out, "%s %d %s\n", takeover_kind_text(b->item[i].kind),
				  b->item[i].fd, b->item[i].about) == 0;
	if (fine)
		text = strndup(buf_span(&out).p, buf_len(&out));
	buf_release(&out);
	return text;
}

/* ---- the child ---- */

struct successor {
	const struct takeover_env *b;
	const struct cmdline *command;
	char *text;
};

static bool
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0;
}

static void
become_successor(void *arg)
{
	const struct successor *s = arg;
	const struct takeover_env *b = s->b;
	bool below = false;

	process_init_undo();
	for (unsigned i = 0; i < b->n; i++) {
		(void)fcntl(b->item[i].fd, F_SETFD, 0);
		below = below || b->item[i].kind == TAKEOVER_PARENT;
		if (b->item[i].kind == TAKEOVER_ERRORS) /* the loader's complaints too */
			(void)dup2(b->item[i].fd, STDERR_FILENO);
	}
	if (below && !has_terminal())
		(void)setpgid(0, 0);
	sd_notify_pass_on();
	if (setenv(TAKEOVER_VARIABLE, s->text, 1) == 0)
		(void)execv(s->command->binary, s->command->argv);
	(void)dprintf(STDERR_FILENO, "%s: %s\n", s->command->binary, strerror(errno));
	_exit(127);
}

int
takeover_env_execute(const struct takeover_env *b, const struct cmdline *command,
		     struct double_fork *d)
{
	struct successor s = {.b = b, .command = command, .text = describe(b)};
	int rc, saved;

	if (s.text == NULL)
		return -1;
	rc = double_fork(d, become_successor, &s);
	saved = errno;
	free(s.text);
	errno = saved;
	return rc;
}
