/* bequest.c - see bequest.h. */
#include "bequest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "notify.h"

void
bequest_add(struct bequest *b, enum handover_kind kind, int fd, const char *about, bool mine)
{
	struct bequest_item *i = b->n < HANDOVER_MOST ? &b->item[b->n] : NULL;

	if (i != NULL)
		*i = (struct bequest_item){.kind = kind, .fd = fd, .mine = mine};
	if (i != NULL && (i->about = strdup(about)) != NULL) {
		b->n++;
		return;
	}
	log_event(LOG_ERROR, "cannot pass it on", "kind=%s", handover_kind_text(kind));
	if (mine)
		(void)close(fd);
}

void
bequest_close(struct bequest *b)
{
	for (unsigned i = 0; i < b->n; i++)
		if (b->item[i].mine) {
			(void)close(b->item[i].fd);
			b->item[i].mine = false;
		}
}

void
bequest_drop(struct bequest *b)
{
	bequest_close(b);
	for (unsigned i = 0; i < b->n; i++)
		free(b->item[i].about);
	b->n = 0;
}

/* The variable's value; NULL on ENOMEM. */
static char *
describe(const struct bequest *b)
{
	struct buf out = BUF_INIT;
	bool fine = buf_printf(&out, "%d\n", (int)HANDOVER_VERSION) == 0;
	char *text = NULL;

	for (unsigned i = 0; fine && i < b->n; i++)
		fine = buf_printf(&out, "%s %d %s\n", handover_kind_text(b->item[i].kind),
				  b->item[i].fd, b->item[i].about) == 0;
	if (fine)
		text = strndup(buf_span(&out).p, buf_len(&out));
	buf_release(&out);
	return text;
}

/* ---- the child ---- */

static void
reset_signals(void)
{
	struct sigaction fallback = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &fallback, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static NORETURN void
become_successor(const struct bequest *b, const struct command *command, const char *text)
{
	reset_signals();
	for (unsigned i = 0; i < b->n; i++) {
		(void)fcntl(b->item[i].fd, F_SETFD, 0);
		if (b->item[i].kind == HANDOVER_ERRORS) /* the loader's complaints too */
			(void)dup2(b->item[i].fd, STDERR_FILENO);
	}
	notify_pass_on();
	if (setenv(HANDOVER_VARIABLE, text, 1) == 0)
		(void)execv(command->binary, command->argv);
	(void)dprintf(STDERR_FILENO, "%s: %s\n", command->binary, strerror(errno));
	_exit(127);
}

pid_t
bequest_execute(const struct bequest *b, const struct command *command)
{
	char *text = describe(b);
	sigset_t all, before;
	int saved;
	pid_t pid;

	if (text == NULL)
		return -1;
	/* Blocked, so that no signal meant for the child is told to this loop. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become_successor(b, command, text);
	saved = errno;
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	free(text);
	errno = saved;
	return pid;
}
