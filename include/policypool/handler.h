/* policypool/handler.h - a handler as a module: a shared object that ppool-server loads into
 * processes of their own, where it does jobs.  ABI 1; see ppool_handler(3).
 *
 *   #include <policypool/handler.h>
 *
 *   static enum ppool_result
 *   run(void *state, const struct ppool_job *job, struct ppool_reply *reply)
 *   {
 *           reply->payload = job->payload;
 *           return PPOOL_DONE;
 *   }
 *
 *   const struct ppool_handler ppool_handler_1 = {
 *           PPOOL_ABI, sizeof ppool_handler_1, "echo", "1.0", PPOOL_REPEATABLE, 0, run, 0};
 *
 *   cc -shared -fPIC -o echo.so echo.c $(pkg-config --cflags policypool-handler)
 *
 * One process, one thread: start() once, run() job after job, stop() once.  A module that crashes,
 * hangs or leaks costs the client whose job it was doing an error and nobody else anything.
 * Standard input and output are not its own: what it prints is logged.  Once start() has returned
 * the process may use memory, clocks and what is open, and end: no file, socket, process or thread
 * can be opened or made any more (handler_seccomp = no lifts that).
 *
 * Structures begin with their size, and fields are only ever appended: a field is there if size
 * covers it.  Only the C library is needed. */
#ifndef POLICYPOOL_HANDLER_ABI_H
#define POLICYPOOL_HANDLER_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PPOOL_ABI 1

/* n bytes at p.  Not NUL-ended; NUL bytes can be part of it.  p may be NULL where n is 0. */
struct ppool_text {
	const char *p;
	size_t n;
};

/* Levels of log(), those of syslog(3). */
enum ppool_level {
	PPOOL_LOG_ERROR = 3,
	PPOOL_LOG_WARNING = 4,
	PPOOL_LOG_INFO = 6,
	PPOOL_LOG_DEBUG = 7
};

/* What a module may ask for, from start() to stop(). */
struct ppool_host {
	uint32_t size; /* of this structure */
	/* A line in the server's log; line breaks in it become spaces, and what is over 4 KiB is
	 * cut.
	 */
	void (*log)(int level, const char *text);
	/* The value of handler_setting = {"key=value"}, or NULL where there is none. Stays valid.
	 */
	const char *(*setting)(const char *key);
};

/* A job; all of it is valid until run() returns. */
struct ppool_job {
	uint32_t size;		   /* of this structure */
	uint64_t number;	   /* of the request in its server's worker */
	uint64_t deadline_us;	   /* CLOCK_MONOTONIC: at that instant the process is ended */
	struct ppool_text payload; /* decoded: bytes */
	struct ppool_text policy;  /* that the client has asked for */
	struct ppool_text client;  /* its id (srcid), which is its own word */
	bool binary;		   /* the payload came as base64; otherwise it is UTF-8 */
};

/* Zero but for its size when run() is called. */
struct ppool_reply {
	uint32_t size; /* of this structure */
	/* DONE: what the client gets.  The module's own memory, which has to stay as it is until
	 * run() is called again or stop(). */
	struct ppool_text payload;
	bool binary;	   /* DONE: sent as base64; otherwise it has to be UTF-8 */
	const char *error; /* REFUSED, FAILED: why, NUL-ended; the client gets it.  May be NULL */
	uint32_t retry_after_ms; /* BUSY: when to try again; 0: 100 ms */
};

enum ppool_result {
	PPOOL_DONE,    /* reply->payload is the answer */
	PPOOL_REFUSED, /* the job is at fault: the client gets the error */
	PPOOL_FAILED,  /* the handler is at fault: the same, and it is logged */
	PPOOL_BUSY     /* not now: the request is tried elsewhere */
};

/* flags: the same job may be done twice without harm, as after a lost connection. */
enum { PPOOL_REPEATABLE = 1 };

struct ppool_handler {
	uint32_t abi;	     /* PPOOL_ABI */
	uint32_t size;	     /* of this structure */
	const char *name;    /* for the log */
	const char *version; /* for the log */
	uint32_t flags;
	/* Opens files, allocates, reads settings.  *state is what run() and stop() get.  0, or
	 * anything else: not ready, and the reason is in the log; the process ends, and another is
	 * tried after a pause.  May be NULL. */
	int (*start)(const struct ppool_host *host, void **state);
	/* Does a job. */
	enum ppool_result (*run)(void *state, const struct ppool_job *job,
				 struct ppool_reply *reply);
	/* After the last job, unless the process is killed.  May be NULL. */
	void (*stop)(void *state);
};

/* The one symbol that a module exports; the number is that of the ABI. */
extern
#ifdef __GNUC__
	__attribute__((visibility("default")))
#endif
	const struct ppool_handler ppool_handler_1;

#ifdef __cplusplus
}
#endif

#endif
