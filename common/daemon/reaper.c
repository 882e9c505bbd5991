/* reaper.c - see reaper.h. */
#include "reaper.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "double_fork.h"
#include "log.h"
#include "proctitle.h"

enum { LINE_MAX_BYTES = 64 };

/* Of this process. */
static struct {
	int line;    /* ours, -1: none */
	pid_t chief; /* the master in charge; 0: it is this process */
	bool ended;  /* it has, with this status */
	int status;
	bool adopts; /* see reaper_adopt() */
} self = {.line = -1};

/* ---- in the process that was started ---- */

int
reaper_prepare(void)
{
	int line[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, line) < 0)
		return -1;
	if (channel_identify(line[0]) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) {
		self.line = line[0];
		return line[1];
	}
	(void)close(line[0]);
	(void)close(line[1]);
	return -1;
}

void
reaper_cancel(void)
{
	if (self.line < 0 || self.chief != 0)
		return;
	(void)close(self.line);
	self.line = -1;
	(void)prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)self.adopts);
}

int
reaper_adopt(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1UL) < 0)
		return -1;
	self.adopts = true;
	return 0;
}

void
reaper_pause_adopting(bool pause)
{
	if (self.adopts && self.line < 0)
		(void)prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)!pause);
}

void
reaper_begin(pid_t successor)
{
	if (self.line >= 0)
		self.chief = successor;
}

bool
reaper_is_on(void)
{
	return self.chief != 0;
}

/* A message and the pid of its sender; 0 when there is none, -1 where its sender is not told. */
static pid_t
receive(char text[LINE_MAX_BYTES])
{
	pid_t from;
	ssize_t n = channel_receive_raw(self.line, text, LINE_MAX_BYTES - 1, &from);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return from != 0 ? from : -1;
}

static bool
is_child(pid_t pid)
{
	siginfo_t info;

	return pid > 1 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Which master is in charge by now: the one that is names its successor, a child of ours. */
static void
look(void)
{
	char text[LINE_MAX_BYTES];
	pid_t from, to;

	while (self.line >= 0 && (from = receive(text)) != 0) {
		to = strncmp(text, "master ", 7) == 0 ? (pid_t)strtol(text + 7, NULL, 10) : 0;
		if (from == self.chief && is_child(to)) {
			self.chief = to;
			proctitle_set("parent of master %d", (int)to);
		} else {
			log_event(LOG_WARN, "not named by the master in charge",
				  "from_pid=%d to_pid=%d", (int)from, (int)to);
		}
	}
}

bool
reaper_forward(int sig)
{
	if (self.chief == 0)
		return false;
	look();
	log_event(LOG_VERBOSE, "signal passed on", "signal=%d to_pid=%d", sig, (int)self.chief);
	if (!self.ended && kill(self.chief, sig) < 0 && errno != ESRCH)
		log_errno(LOG_ERROR, "cannot pass a signal on", "signal=%d to_pid=%d", sig,
			  (int)self.chief);
	return true;
}

bool
reaper_child_ended(pid_t pid, int status)
{
	if (self.chief == 0)
		return false;
	look();
	if (pid != self.chief)
		return false;
	self.ended = true;
	self.status = status;
	log_event(status == 0 ? LOG_INFO : LOG_ERROR, "the master in charge has ended",
		  "master_pid=%d %s=%d", (int)pid, WIFSIGNALED(status) ? "signal" : "code",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return true;
}

/* ---- nothing but that ---- */

static const int forwarded[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,
				SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU};

static void
wanted(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		(void)sigaddset(set, forwarded[i]);
}

void
reaper_settle(struct event_base *base)
{
	sigset_t set;

	if (self.chief == 0)
		return;
	wanted(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)event_base_loop(base, EVLOOP_NONBLOCK); /* what was caught before that */
}

static void
reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		(void)reaper_child_ended(pid, status);
	if (pid < 0 && errno == ECHILD && !self.ended) {
		log_event(LOG_ERROR, "the master in charge is no child of this process", NULL);
		self.ended = true; /* it can't be watched: what started us is to try again */
		self.status = 1 << 8;
	}
}

int
reaper_run(int status)
{
	sigset_t set;
	int sig;

	if (self.chief == 0)
		return status;
	wanted(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)malloc_trim(0);
	look();
	proctitle_set("parent of master %d", (int)self.chief);
	reap();
	while (!self.ended) {
		sig = sigwaitinfo(&set, NULL);
		if (sig == SIGCHLD)
			reap();
		else if (sig > 0)
			(void)reaper_forward(sig);
		if (sig == SIGUSR1 && log_reopen() < 0)
			log_errno(LOG_ERROR, "cannot reopen the log", NULL);
	}
	if (WIFSIGNALED(self.status))
		end_as(self.status);
	return WEXITSTATUS(self.status);
}

void
reaper_after_fork(void)
{
	if (self.line >= 0)
		(void)close(self.line);
	self.line = -1;
	self.chief = 0;
}

/* ---- in a master below it ---- */

int
reaper_name(int line, pid_t pid)
{
	char text[LINE_MAX_BYTES];
	int n = snprintf(text, sizeof text, "master %d", (int)pid);

	return send(line, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n ? 0 : -1;
}
