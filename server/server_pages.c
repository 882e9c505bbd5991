/* server_pages.c - see server_pages.h. */
#include "server_pages.h"

#include <string.h>

#include "clock.h"
#include "status.h"

/* The page, as it lies beside this file; one file, so that it works without a network. */
extern const char server_page_html[];
__asm__(".section .rodata\n"
	".global server_page_html\n"
	"server_page_html:\n"
	".incbin \"server/page.html\"\n"
	".byte 0\n"
	".previous\n");

static int
write_page(struct evbuffer *out, void *ctx)
{
	(void)ctx;
	return evbuffer_add(out, server_page_html, strlen(server_page_html)) < 0 ? 500 : 200;
}

static int
write_overview(struct evbuffer *out, void *ctx)
{
	const struct server_pages *p = ctx;
	struct json_object *o = json_object_new_object();

	if (o == NULL)
		return 500;
	status_add_number(o, "at_us", clock_us());
	status_add(o, "status", p->status(p->ctx));
	status_add(o, "handlers", job_admin_handlers(p->jobs));
	status_add(o, "strikes", job_admin_strikes(p->jobs));
	status_add(o, "workers", status_of_workers(p->supervisor));
	return http_admin_json(out, o);
}

const struct http_admin_page server_pages[] = {
	{"/", "text/html; charset=utf-8", write_page},
	{"/overview", HTTP_ADMIN_JSON, write_overview},
	{NULL, NULL, NULL},
};
