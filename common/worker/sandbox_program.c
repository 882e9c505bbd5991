/* sandbox_program.c - see sandbox_program.h. */
#include "sandbox_program.h"

#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"
#include "sandbox_rule.h"

#define SYS(name) SCMP_SYS(name)

/* What reaches out of a process, and what programs that are no part of the system do without.  An
 * error, for they may go on without. */
static const int forbidden[] = {
	/* other processes */
	SYS(ptrace), SYS(process_vm_readv), SYS(process_vm_writev), SYS(process_madvise), SYS(kcmp),
	SYS(pidfd_getfd), SYS(pidfd_send_signal),
	/* mounts and namespaces */
	SYS(mount), SYS(umount2), SYS(umount), SYS(move_mount), SYS(open_tree), SYS(fsopen),
	SYS(fsmount), SYS(fsconfig), SYS(fspick), SYS(mount_setattr), SYS(pivot_root), SYS(chroot),
	SYS(setns), SYS(unshare), SYS(open_by_handle_at), SYS(name_to_handle_at),
	/* keys */
	SYS(keyctl), SYS(add_key), SYS(request_key),
	/* the kernel */
	SYS(bpf), SYS(perf_event_open), SYS(userfaultfd), SYS(init_module), SYS(finit_module),
	SYS(delete_module), SYS(kexec_load), SYS(kexec_file_load), SYS(lookup_dcookie),
	SYS(fanotify_init), SYS(modify_ldt), SYS(iopl), SYS(ioperm), SYS(vhangup), SYS(syslog),
	/* the machine */
	SYS(reboot), SYS(swapon), SYS(swapoff), SYS(acct), SYS(quotactl), SYS(sethostname),
	SYS(setdomainname), SYS(settimeofday), SYS(clock_settime), SYS(stime)};

/* Libraries have another way where these are not known. */
static const int unknown[] = {SYS(io_uring_setup), SYS(io_uring_enter), SYS(io_uring_register),
			      SYS(clone3)};

static int
forbid_all(scmp_filter_ctx filter, uint32_t refusal, const int *call, size_t n)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < n; i++)
		error = seccomp_rule_add(filter, refusal, call[i], 0);
	return error;
}

/* New namespaces, in which it would have rights. */
static int
forbid_namespaces(scmp_filter_ctx filter)
{
	static const scmp_datum_t flag[] = {CLONE_NEWNS,    CLONE_NEWUSER, CLONE_NEWPID,
					    CLONE_NEWNET,   CLONE_NEWIPC,  CLONE_NEWUTS,
					    CLONE_NEWCGROUP};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof flag / sizeof *flag; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SYS(clone), 1,
					 sandbox_masked(0, flag[i], flag[i]));
	return error;
}

/* The kernel takes the lower half of what is a number of 32 bits. */
static struct scmp_arg_cmp
low(unsigned argument, uint32_t v)
{
	return sandbox_masked(argument, 0xffffffff, v);
}

/* Whom the kernel signals when a descriptor is ready, and by which signal: for others it asks
 * nothing but whether the user is the same, once, when that is set. */
static int
forbid_signals_by_descriptors(scmp_filter_ctx filter)
{
	static const struct {
		int call;
		uint32_t command;
	} setting[] = {{SYS(fcntl), F_SETOWN},	    {SYS(fcntl), F_SETOWN_EX},
		       {SYS(fcntl), F_SETSIG},	    {SYS(fcntl64), F_SETOWN},
		       {SYS(fcntl64), F_SETOWN_EX}, {SYS(fcntl64), F_SETSIG},
		       {SYS(ioctl), FIOSETOWN},	    {SYS(ioctl), SIOCSPGRP}};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof setting / sizeof *setting; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), setting[i].call, 1,
					 low(1, setting[i].command));
	return error;
}

/* What one process can do to another of its user; the first argument says to which. */
static const int against[] = {
	SYS(kill),     SYS(tkill), SYS(tgkill), SYS(rt_sigqueueinfo), SYS(rt_tgsigqueueinfo),
	SYS(prlimit64)};

static int
forbid_against(scmp_filter_ctx filter, pid_t pid)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof against / sizeof *against; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), against[i], 1,
					 low(0, (uint32_t)pid));
	return error;
}

/* A library's own threads are signalled by tgkill(2), limits are asked of 0, which is itself. */
static int
forbid_against_others(scmp_filter_ctx filter)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof against / sizeof *against; i++)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), against[i], 1,
					 sandbox_unequal(0, against[i] == SYS(prlimit64)
								    ? 0
								    : (scmp_datum_t)getpid()));
	return error;
}

static int
forbid_against_spared(scmp_filter_ctx filter, const struct sandbox_program *p)
{
	int error = forbid_against(filter, -1); /* all that it may */

	for (size_t i = 0; error == 0 && i < p->n; i++)
		error = forbid_against(filter, p->spared[i]);
	return error;
}

static int
fill_program(scmp_filter_ctx filter, const struct sandbox_program *p)
{
	static const int sockets[] = {SYS(socket)};
	int error = forbid_all(filter, SCMP_ACT_ERRNO(EPERM), forbidden,
			       sizeof forbidden / sizeof *forbidden);

	if (error == 0)
		error = forbid_all(filter, SCMP_ACT_ERRNO(ENOSYS), unknown,
				   sizeof unknown / sizeof *unknown);
	if (error == 0 && !p->network)
		error = forbid_all(filter, SCMP_ACT_ERRNO(EPERM), sockets, 1);
	if (error == 0)
		error = forbid_namespaces(filter);
	if (error == 0)
		error = forbid_signals_by_descriptors(filter);
	if (error == 0)
		error = p->alone ? forbid_against_others(filter) : forbid_against_spared(filter, p);
	return error;
}

int
sandbox_program_apply(enum isolation level, const struct sandbox_program *p)
{
	scmp_filter_ctx filter;
	int error;

	/* A sanitizer needs nothing of what is forbidden until it reports. */
	if (level >= ISOLATION_UNFILTERED || (!SANDBOX_SANITIZED && sandbox_why_not() != NULL) ||
	    (level == ISOLATION_AUTO && seccomp_api_get() == 0))
		return 0;
	filter = seccomp_init(SCMP_ACT_ALLOW);
	error = filter == NULL ? -ENOMEM : fill_program(filter, p);
	error = sandbox_load(filter, error);
	if (error == 0)
		return 0;
	errno = -error;
	log_errno(LOG_ERROR, "cannot filter system calls", NULL);
	return -1;
}
