/* SPDX-License-Identifier: MIT */
/* Fuzz target: messages. One that is read is written again, and read as the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "core/messages/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg msg;
    struct msg again;
    char *bytes = NULL;
    char *more = NULL;
    size_t length = 0;
    size_t more_length = 0;
    if (msg_read((const char *)data, size, ~0u, &msg, NULL) != OMEGA_OK) {
        return 0;
    }
    if (msg_write(&msg, &bytes, &length, NULL) == OMEGA_OK) {
        if (msg_read(bytes, length, 1u << msg.kind, &again, NULL) != OMEGA_OK ||
            msg_write(&again, &more, &more_length, NULL) != OMEGA_OK || more_length != length ||
            memcmp(bytes, more, length) != 0) {
            abort();
        }
        msg_release(&again);
    }
    free(more);
    free(bytes);
    msg_release(&msg);
    return 0;
}
