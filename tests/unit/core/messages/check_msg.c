/* SPDX-License-Identifier: MIT */
/* Messages: what is read, what is refused and with which text, and that writing is its inverse. */
#include <stdlib.h>
#include <string.h>

#include "core/messages/msg.h"
#include "tests/support/check_main.h"

#define ALL (~0u)

static int read_text(const char *text, unsigned kinds, struct msg *msg, omega_error_t *err)
{
    return msg_read(text, strlen(text), kinds, msg, err);
}

START_TEST(requests)
{
    struct msg msg;
    omega_error_t err = {0};
    for (int i = MSG_STATUS; i <= MSG_STOP; i++) {
        char text[80];
        enum msg_request request;
        snprintf(text, sizeof text, "{\"version\":1,\"request\":\"%s\"}",
                 msg_request_name((enum msg_request)i));
        ck_assert_int_eq(read_text(text, 1u << MSG_REQUEST, &msg, &err), OMEGA_OK);
        ck_assert_int_eq(msg.kind, MSG_REQUEST);
        ck_assert_int_eq(msg.request, i);
        ck_assert(msg_request_of(msg_request_name((enum msg_request)i), &request));
        ck_assert_int_eq(request, i);
    }
    ck_assert_ptr_null(msg_request_name((enum msg_request)9));
}
END_TEST

START_TEST(submissions)
{
    struct msg msg;
    ck_assert_int_eq(read_text("{\"submit\":{\"tasks\":2},\"version\":1}", ALL, &msg, NULL),
                     OMEGA_OK);
    ck_assert_int_eq(msg.kind, MSG_SUBMIT);
    ck_assert_int_eq(json_integer_value(json_object_get(msg.submitted, "tasks")), 2);
    msg_release(&msg);
    msg_release(&msg); /* nothing is left */
}
END_TEST

START_TEST(refused)
{
    static const struct {
        const char *text;
        int code;
        const char *says;
    } cases[] = {
        {"", OMEGA_EINVAL, "is no JSON"},
        {"{", OMEGA_EINVAL, "is no JSON"},
        {"[1]", OMEGA_EINVAL, "is no object"},
        {"{}", OMEGA_EINVAL, "'version'"},
        {"{\"version\":\"1\",\"request\":\"stop\"}", OMEGA_EINVAL, "'version'"},
        {"{\"version\":2,\"request\":\"stop\"}", OMEGA_EVERSION, "of version 2, expected 1"},
        {"{\"version\":1}", OMEGA_EINVAL, "expected 'submit' or 'request'"},
        {"{\"version\":1,\"ok\":true}", OMEGA_EINVAL, "is not for here"},
        {"{\"version\":1,\"request\":\"explode\"}", OMEGA_EINVAL, "'status', 'drain'"},
        {"{\"version\":1,\"request\":7}", OMEGA_EINVAL, "'request'"},
        {"{\"version\":1,\"request\":\"stop\",\"now\":true}", OMEGA_EINVAL, "unknown key 'now'"},
        {"{\"version\":1,\"request\":\"stop\",\"request\":\"stop\"}", OMEGA_EINVAL, "is no JSON"},
        {"{\"version\":1,\"submit\":[]}", OMEGA_EINVAL, "'submit'"},
        {"{\"version\":1,\"submit\":{\"a\":[[[[[[[1]]]]]]]}}", OMEGA_EINVAL, "too deeply"},
        {"{\"version\":1,\"request\":\"st\\u0000op\"}", OMEGA_EINVAL, "is no JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct msg msg;
        omega_error_t err = {0};
        ck_assert_int_eq(read_text(cases[i].text, 1u << MSG_SUBMIT | 1u << MSG_REQUEST, &msg, &err),
                         cases[i].code);
        ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "'%s': %s", cases[i].text, err.text);
    }
}
END_TEST

START_TEST(bounds)
{
    struct msg msg;
    omega_error_t err = {0};
    char *text = malloc(MSG_BYTES_MAX + 2);
    int length = snprintf(text, MSG_BYTES_MAX, "{\"version\":1,\"request\":\"stop\"}");
    memset(text + length, ' ', MSG_BYTES_MAX + 1 - (size_t)length);
    ck_assert_int_eq(msg_read(text, MSG_BYTES_MAX, ALL, &msg, &err), OMEGA_OK);
    ck_assert_int_eq(msg_read(text, MSG_BYTES_MAX + 1, ALL, &msg, &err), OMEGA_EINVAL);
    ck_assert_ptr_nonnull(strstr(err.text, "65537 bytes, expected at most 65536"));
    free(text);
    /* brackets in texts, and escapes, are no depth */
    ck_assert_int_eq(
        read_text("{\"version\":1,\"submit\":{\"user\":\"[[[[[[[[[[\\\"[[[\"}}", ALL, &msg, NULL),
        OMEGA_OK);
    msg_release(&msg);
}
END_TEST

static void write_and_read(const struct msg *msg, struct msg *again, char **text)
{
    size_t size = 0;
    ck_assert_int_eq(msg_write(msg, text, &size, NULL), OMEGA_OK);
    ck_assert_uint_eq(size, strlen(*text));
    ck_assert_int_eq(msg_read(*text, size, 1u << msg->kind, again, NULL), OMEGA_OK);
}

START_TEST(replies_and_events)
{
    struct msg again;
    char *text;
    struct msg reply = {.kind = MSG_REPLY,
                        .ok = true,
                        .job = 12,
                        .has_status = true,
                        .status = {.name = "one", .instance = -1, .draining = true, .queued = 4}};
    write_and_read(&reply, &again, &text);
    ck_assert(again.ok && again.has_status && again.status.draining);
    ck_assert_uint_eq(again.job, 12);
    ck_assert_str_eq(again.status.name, "one");
    ck_assert_int_eq(again.status.instance, -1);
    ck_assert_uint_eq(again.status.queued, 4);
    free(text);
    struct msg event = {.kind = MSG_EVENT,
                        .event = {.kind = MSG_COMMITTED, .from = "a\xff", .job = 3, .version = 9}};
    write_and_read(&event, &again, &text);
    ck_assert_str_eq(text, "{\"version\":1,\"hint\":true,\"event\":\"committed\",\"from\":\"a?\","
                           "\"job\":3,\"cell_version\":9}");
    ck_assert_uint_eq(again.event.version, 9);
    free(text);
    struct msg failed = {.kind = MSG_REPLY, .error = "no"};
    write_and_read(&failed, &again, &text);
    ck_assert_str_eq(text, "{\"version\":1,\"ok\":false,\"error\":\"no\"}");
    free(text);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "requests", requests);
    check_case(suite, "submissions", submissions);
    check_case(suite, "refused", refused);
    check_case(suite, "bounds", bounds);
    check_case(suite, "replies and events", replies_and_events);
}

CHECK_MAIN("msg", add_cases)
