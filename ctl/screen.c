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
#define PLAIN	  "\033[m" /* a colour may have been cut before its end */

static struct {
	bool keys; /* standard input tells keys, one at a time */
	struct termios before;
	volatile sig_atomic_t ended;
	char typed[64]; /* and not asked for yet */
	size_t typed_n;
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

/* The bytes of a sequence like ESC [ 1 m; 0: none. */
static size_t
sequence(const char *p, size_t n)
{
	size_t i = 2;

	if (n < 3 || p[0] != '\033' || p[1] != '[')
		return 0;
	while (i < n && (p[i] < '@' || p[i] > '~'))
		i++;
	return i < n ? i + 1 : 0;
}

size_t
screen_cut(const char *text, size_t n, unsigned columns)
{
	size_t i = 0, code;

	while (i < n) {
		bool begins = ((unsigned char)text[i] & 0xc0) != 0x80;
		code = sequence(text + i, n - i);
		if (code == 0 && begins && columns-- == 0)
			break;
		i += code > 0 ? code : 1;
	}
	return i;
}

void
screen_size(unsigned *columns, unsigned *lines)
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

	screen_size(&columns, &lines);
	(void)fputs(HOME, stdout);
	for (unsigned i = 0; i < lines && *text != '\0'; i++) {
		size_t n = strcspn(text, "\n");
		/* A newline below the last line would scroll. */
		(void)fprintf(stdout, "%s%.*s" PLAIN TO_END, i > 0 ? "\n" : "",
			      (int)screen_cut(text, n, columns), text);
		text += n + (text[n] == '\n');
	}
	(void)fputs(BELOW, stdout);
	(void)fflush(stdout);
}

/* ---- keys ---- */

/* ESC [ x, ESC O x, and ESC [ digits ~, as terminals of our day send them. */
static int
key_of_sequence(char last, unsigned number)
{
	switch (last) {
	case 'A': return SCREEN_UP;
	case 'B': return SCREEN_DOWN;
	case 'C': return SCREEN_RIGHT;
	case 'D': return SCREEN_LEFT;
	case 'H': return SCREEN_FIRST;
	case 'F': return SCREEN_LAST;
	case '~': break;
	default: return SCREEN_OTHER;
	}
	switch (number) {
	case 1:
	case 7: return SCREEN_FIRST;
	case 4:
	case 8: return SCREEN_LAST;
	case 5: return SCREEN_PAGE_UP;
	case 6: return SCREEN_PAGE_DOWN;
	default: return SCREEN_OTHER;
	}
}

int
screen_key_of(const char *typed, size_t n, size_t *taken)
{
	unsigned number = 0;
	size_t i = 2;

	*taken = 1;
	if ((unsigned char)typed[0] >= 0x80)
		return SCREEN_OTHER;
	if (typed[0] != '\033' || n < 3 || (typed[1] != '[' && typed[1] != 'O'))
		return typed[0];
	for (; i < n && (typed[i] < '@' || typed[i] > '~'); i++)
		if (typed[i] >= '0' && typed[i] <= '9' && number < 100)
			number = 10 * number + (unsigned)(typed[i] - '0');
	*taken = i < n ? i + 1 : n;
	return i < n ? key_of_sequence(typed[i], number) : SCREEN_OTHER;
}

static int
next_typed(void)
{
	size_t taken;
	int key = screen_key_of(screen.typed, screen.typed_n, &taken);

	screen.typed_n -= taken;
	memmove(screen.typed, screen.typed + taken, screen.typed_n);
	return key;
}

int
screen_wait(unsigned ms)
{
	struct pollfd keys = {.fd = screen.keys ? STDIN_FILENO : -1, .events = POLLIN};
	ssize_t n;
	int ready;

	if (screen.ended)
		return SCREEN_END;
	if (screen.typed_n > 0)
		return next_typed();
	ready = poll(&keys, 1, (int)ms);
	if (screen.ended || (ready < 0 && errno != EINTR))
		return SCREEN_END;
	if (ready <= 0)
		return SCREEN_NONE;
	n = read(STDIN_FILENO, screen.typed, sizeof screen.typed);
	if (n <= 0)
		return n < 0 && errno == EINTR ? SCREEN_NONE : SCREEN_END;
	screen.typed_n = (size_t)n;
	return next_typed();
}
