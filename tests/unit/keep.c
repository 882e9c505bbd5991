/* keep: in a child, whose descriptors are its own to close. */
#include "keep.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Opens 3 to 39 and one far away, keeps those listed, and tells by its exit status whether exactly
 * these and stdio are left. */
static bool
leaves_exactly(const int *fd, size_t n)
{
	struct keep k = {0};
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid > 0) {
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		return WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	for (int i = 3; i < 40; i++)
		if (dup2(STDIN_FILENO, i) < 0)
			_exit(2);
	if (dup2(STDIN_FILENO, 900) < 0)
		_exit(2);
	for (size_t i = 0; i < n; i++)
		keep_add(&k, fd[i]);
	if (keep_close_others(&k) < 0)
		_exit(3);
	for (int i = 0; i < 1000; i++) {
		bool wanted = i < 3;
		for (size_t j = 0; j < n; j++)
			wanted |= fd[j] == i;
		if ((fcntl(i, F_GETFD) >= 0) != wanted)
			_exit(1);
	}
	keep_release(&k);
	_exit(0);
}

Test(keep, only_what_was_named_stays_and_stdio)
{
	cr_assert(leaves_exactly(NULL, 0));
	cr_assert(leaves_exactly((int[]){3}, 1));
	cr_assert(leaves_exactly((int[]){39, 900, 4}, 3));
	cr_assert(leaves_exactly((int[]){7, 7, -1, 8, 2, 9, 7}, 7));
}

Test(keep, there_is_room_for_many)
{
	int fd[37];

	for (int i = 0; i < 37; i++)
		fd[i] = 39 - i;
	cr_assert(leaves_exactly(fd, 37));
}
