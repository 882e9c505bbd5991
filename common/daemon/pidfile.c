/* pidfile.c - see pidfile.h. */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "takeover.h"

static struct {
	char *path;  /* NULL: there is none */
	int lock;    /* its descriptor */
	pid_t owner; /* the process that wrote it: a child that forgot pidfile_forget() must not
			remove it; 0: none here */
} self = {.lock = -1};

/* The pid that is in it; 0 when there is none. */
static long
pid_in(int fd)
{
	char text[16];
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strtol(text, NULL, 10);
}

/* 1; 0 when the lock is that of a file that has lost its name to another meanwhile; or -1.  The
 * lock is the open file's, not the process's: a successor has it without a gap. */
static int
lock_file(int fd, const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat mine, named;

	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno == EACCES || errno == EAGAIN)
			log_event(LOG_ERROR,
				  "already running, or another daemon has this pidfile: give this "
				  "one a pidfile or a runtime_dir of its own",
				  "pidfile=%s by_pid=%ld", log_quoted(path), pid_in(fd));
		else
			log_errno(LOG_ERROR, "cannot lock the pidfile", "pidfile=%s",
				  log_quoted(path));
		return -1;
	}
	return fstat(fd, &mine) == 0 && lstat(path, &named) == 0 && mine.st_ino == named.st_ino &&
	       mine.st_dev == named.st_dev;
}

/* The locked descriptor, or -1 with the reason logged. */
static int
open_locked(const char *path)
{
	int locked;

	do {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0644);

		if (fd < 0) {
			log_errno(LOG_ERROR, "cannot open the pidfile", "pidfile=%s",
				  log_quoted(path));
			return -1;
		}
		locked = lock_file(fd, path);
		if (locked > 0)
			return fd;
		(void)close(fd);
	} while (locked == 0);
	return -1;
}

static int
write_pid(int fd, const char *path)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());

	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n)
		return 0;
	log_errno(LOG_ERROR, "cannot write the pidfile", "pidfile=%s", log_quoted(path));
	return -1;
}

static void
own(char *path, int fd, pid_t owner)
{
	self.path = path;
	self.lock = fd;
	self.owner = owner;
}

/* Is the file of that name still the one that we have locked? */
static bool
is_there(void)
{
	struct stat mine, named;

	return fstat(self.lock, &mine) == 0 && lstat(self.path, &named) == 0 &&
	       mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

int
pidfile_open(char *path)
{
	int fd = takeover_take(TAKEOVER_PIDFILE, path);

	if (fd >= 0) {
		own(path, fd, 0);
		return 0;
	}
	fd = open_locked(path);
	if (fd < 0 || write_pid(fd, path) < 0) {
		if (fd >= 0) {
			(void)unlink(path); /* an empty one tells nothing */
			(void)close(fd);
		}
		free(path);
		return -1;
	}
	own(path, fd, getpid());
	return 0;
}

const char *
pidfile_missing(void)
{
	return self.path == NULL || self.owner != getpid() || is_there() ? NULL : self.path;
}

void
pidfile_restore(void)
{
	int fd = open_locked(self.path);

	if (fd < 0)
		return;
	(void)close(self.lock);
	self.lock = fd;
	if (write_pid(fd, self.path) == 0)
		log_event(LOG_WARN, "the pidfile had been removed: put back", "pidfile=%s",
			  log_quoted(self.path));
}

void
pidfile_take_over(void)
{
	if (self.path == NULL || self.owner != 0)
		return;
	self.owner = getpid();
	if (write_pid(self.lock, self.path) < 0)
		return; /* which is logged; the lock is held all the same */
}

int
pidfile_held(const char **path)
{
	*path = self.path;
	return self.lock;
}

void
pidfile_hand_over(void)
{
	self.owner = 0;
}

void
pidfile_forget(void)
{
	if (self.lock >= 0)
		(void)close(self.lock);
	free(self.path);
	self.path = NULL;
	self.lock = -1;
}

void
pidfile_end(void)
{
	/* Another daemon may have made one there, where ours was removed. */
	if (self.path != NULL && self.owner == getpid() && is_there())
		(void)unlink(self.path);
	pidfile_forget();
}
