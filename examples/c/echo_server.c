/* Answers every line with the same line.
 *
 *   echo_server [ADDRESS]
 */
#include <hallway.h>
#include <signal.h>
#include <stdio.h>

/* Unsent bytes from which on a client has to read before it gets more; below the queue's limit, so
 * that no send fails. */
static const size_t enough = (size_t)512 * 1024;

static void go_on(hallway_connection* client, hallway_outcome outcome, const hallway_error* error,
                  void* user) {
  (void)error;
  (void)user;
  if (outcome == HALLWAY_OK) hallway_connection_resume(client);
}

static void echo(hallway_connection* client, void* user) {
  hallway_view line;
  size_t count = 0;
  while (hallway_connection_unsent_bytes(client) < enough) {
    if (hallway_receive(client, &line, 1, &count, NULL) != HALLWAY_OK) return;
    if (hallway_send(client, line.data, line.size, NULL) != HALLWAY_OK) return;
  }
  hallway_connection_pause(client);
  if (hallway_connection_flush(client, go_on, user, NULL) != HALLWAY_OK)
    hallway_connection_abort(client);
}

static void serve(hallway_connection* client, void* user) {
  (void)user;
  hallway_connection_on_readable(client, echo);
}

int main(int argc, char** argv) {
  const char* address = argc > 1 ? argv[1] : "/tmp/unix_socket.sock";
  const int signals[] = {SIGINT, SIGTERM};
  int status = 0;
  hallway_loop* loop = NULL;
  hallway_server* server = NULL;
  hallway_error* error = NULL;
  if (hallway_loop_new(-1, &loop, &error) != HALLWAY_OK) return hallway_report(error);
  if (hallway_server_open(loop, address, NULL, serve, NULL, &server, &error) != HALLWAY_OK ||
      hallway_loop_drain_on(loop, signals, 2, &error) != HALLWAY_OK) {
    status = hallway_report(error);
  } else {
    printf("serving %s\n", hallway_server_address(server));
    fflush(stdout);
    if (hallway_loop_run(loop, &status, &error) != HALLWAY_OK) status = hallway_report(error);
  }
  hallway_server_free(server);
  hallway_loop_free(loop);
  return status;
}
