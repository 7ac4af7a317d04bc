/* Sends each message, and prints each answer.
 *
 *   client ADDRESS MESSAGE...
 */
#include <hallway.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
  hallway_client* server = NULL;
  hallway_error* error = NULL;
  int status = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: client ADDRESS MESSAGE...\n");
    return 2;
  }
  if (hallway_client_connect(argv[1], NULL, NULL, &server, &error) != HALLWAY_OK)
    return hallway_report(error);
  for (int i = 2; i < argc && status == 0; ++i) {
    hallway_view answer;
    if (hallway_client_request(server, argv[i], strlen(argv[i]), 5 * HALLWAY_SECOND, &answer,
                               &error) == HALLWAY_OK) {
      printf("%.*s\n", (int)answer.size, answer.data);
    } else {
      status = hallway_report(error);
    }
  }
  hallway_client_free(server);
  return status;
}
