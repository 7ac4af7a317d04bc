/* A program in C of somebody else: it finds the header, links, opens a server and leaves. */
#include <hallway.h>
#include <stddef.h>

static void serve(hallway_connection* client, void* user) {
  (void)user;
  hallway_connection_close(client);
}

int main(int argc, char** argv) {
  hallway_loop* loop = NULL;
  hallway_server* server = NULL;
  hallway_error* error = NULL;
  if (argc != 2) return 2;
  if (hallway_loop_new(-1, &loop, &error) != HALLWAY_OK ||
      hallway_server_open(loop, argv[1], NULL, serve, NULL, &server, &error) != HALLWAY_OK) {
    return hallway_report(error);
  }
  hallway_server_free(server);
  hallway_loop_free(loop);
  return 0;
}
