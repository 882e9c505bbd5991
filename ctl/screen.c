/* screen.c - see screen.h. */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ALTERNATE "\033[?1049h\033[?25l" /* another page, no cursor */
#define ORIGINAL  "\033[?25h\033[?1049l"
#define HOME	  "\033[H"
#define TO_END	  "\033[K" /* of the line */
#define BELOW	  "\033[J"

static struct {
	bool keys; /* standard input tells keys, one at a time */
	struct termios before;
	volatile sig_atomic_t ended;
} screen;

static void
on_signal(int sig)
{
	if (sig != SIGWINCH)
		screen.ended = 1;
}

static void
hear_keys(void)
{
	struct termios t;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &screen.before) < 0)
		return;
	t = screen.before;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	screen.keys = tcsetattr(STDIN_FILENO, TCSANOW, &t) == 0;
}

bool
screen_open(void)
{
	static const int heard[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	struct sigaction a = {.sa_handler = on_signal};

	if (!isatty(STDOUT_FILENO))
		return false;
	for (size_t i = 0; i < sizeof heard / sizeof *heard; i++)
		(void)sigaction(heard[i], &a, NULL);
	hear_keys();
	(void)fputs(ALTERNATE, stdout);
	return true;
}

void
screen_close(void)
{
	(void)fputs(ORIGINAL, stdout);
	(void)fflush(stdout);
	if (screen.keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
}

size_t
screen_cut(const char *text, size_t n, unsigned columns)
{
	size_t i = 0;

	for (; i < n; i++) {
		bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;
		if (begins && columns-- == 0)
			break;
	}
	return i;
}

static void
size_of(unsigned *columns, unsigned *lines)
{
	struct winsize w;

	*columns = 80;
	*lines = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0) {
		*columns = w.ws_col;
		*lines = w.ws_row;
	}
}

void
screen_draw(const char *text)
{
	unsigned columns, lines;

	size_of(&columns, &lines);
	(void)fputs(HOME, stdout);
	for (unsigned i = 0; i < lines && *text != '\0'; i++) {
		size_t n = strcspn(text, "\n");
		/* A newline below the last line would scroll. */
		(void)fprintf(stdout, "%s%.*s" TO_END, i > 0 ? "\n" : "",
			      (int)screen_cut(text, n, columns), text);
		text += n + (text[n] == '\n');
	}
	(void)fputs(BELOW, stdout);
	(void)fflush(stdout);
}

bool
screen_wait(unsigned ms)
{
	struct pollfd keys = {.fd = screen.keys ? STDIN_FILENO : -1, .events = POLLIN};
	char key = 0;
	int n = screen.ended ? 0 : poll(&keys, 1, (int)ms);

	if (n > 0 && read(STDIN_FILENO, &key, 1) <= 0)
		return false;
	return !screen.ended && key != 'q' && key != 'Q' && (n >= 0 || errno == EINTR);
}
