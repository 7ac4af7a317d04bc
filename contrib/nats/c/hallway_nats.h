/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the official C client of NATS, nats.c 3.11 or later, connect to the Unix socket of a hub:
 *
 *     natsOptions_Create(&options);
 *     hallway_nats_use_socket(options, "/run/hallway/hub");
 *     natsConnection_Connect(&connection, options);
 *
 * Earlier versions have no natsOptions_SetProxyConnHandler().
 */
#ifndef HALLWAY_NATS_H
#define HALLWAY_NATS_H

#include <nats/nats.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Called by nats.c to connect and to reconnect; `path` is the closure. nats.c uses sockets that do
 * not block. */
static natsStatus hallway_nats_connect(natsSock* socket_out, char* host, int port, void* path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int made;
  (void)host;
  (void)port;
  if (strlen((const char*)path) >= sizeof address.sun_path) return NATS_INVALID_ARG;
  strcpy(address.sun_path, (const char*)path);
  made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) return NATS_SYS_ERROR;
  if (connect(made, (struct sockaddr*)&address, sizeof address) != 0 ||
      fcntl(made, F_SETFL, O_NONBLOCK) != 0) {
    close(made);
    return NATS_NO_SERVER;
  }
  *socket_out = made;
  return NATS_OK;
}

/* Connections with these options go to the socket file at `path`, which is borrowed: it must live
 * as long as they do. The URL in the options is not used. */
static inline natsStatus hallway_nats_use_socket(natsOptions* options, const char* path) {
  return natsOptions_SetProxyConnHandler(options, hallway_nats_connect, (void*)path);
}

#endif
