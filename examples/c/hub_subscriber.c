/* Prints what is published to a subject of a hub, until Ctrl-C. After the hub was restarted, it
 * goes on.
 *
 *   hub_subscriber HUB SUBJECT
 */
#include <hallway.h>
#include <signal.h>
#include <stdio.h>

static hallway_interrupt* interrupt;

static void on_signal(int number) {
  (void)number;
  hallway_interrupt_trigger(interrupt);
}

static void report_event(const hallway_hub_event* event, void* user) {
  (void)user;
  fprintf(stderr, "%s\n", hallway_hub_event_text(event));
}

/* Returns the status of the program. */
static int print_messages(hallway_subscription* subscription) {
  for (;;) {
    const hallway_hub_message* messages[64];
    size_t count = 0;
    hallway_error* error = NULL;
    if (hallway_subscription_receive(subscription, messages, 64, &count, HALLWAY_FOREVER, &error) !=
        HALLWAY_OK) {
      if (!hallway_interrupt_triggered(interrupt)) return hallway_report(error);
      hallway_error_free(error);
      return 0;
    }
    for (size_t i = 0; i < count; ++i) {
      const hallway_view subject = hallway_hub_message_subject(messages[i]);
      const hallway_view payload = hallway_hub_message_payload(messages[i]);
      printf("%.*s: %.*s\n", (int)subject.size, subject.data, (int)payload.size, payload.data);
    }
    fflush(stdout);
  }
}

int main(int argc, char** argv) {
  hallway_hub_client* hub = NULL;
  hallway_subscription* subscription = NULL;
  hallway_error* error = NULL;
  int status = 0;
  if (argc != 3) {
    fprintf(stderr, "usage: hub_subscriber HUB SUBJECT\n");
    return 2;
  }
  if (hallway_interrupt_new(NULL, NULL, &interrupt, &error) != HALLWAY_OK)
    return hallway_report(error);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);

  hallway_hub_options* options = hallway_hub_options_new();
  if (options != NULL) hallway_hub_options_on_event(options, report_event, NULL);
  if (hallway_hub_client_connect(argv[1], options, interrupt, &hub, &error) != HALLWAY_OK ||
      hallway_hub_client_subscribe(hub, hallway_text(argv[2]), NULL, 5 * HALLWAY_SECOND,
                                   &subscription, &error) != HALLWAY_OK) {
    status = hallway_report(error);
  } else {
    printf("subscribed\n");
    fflush(stdout);
    status = print_messages(subscription);
  }
  hallway_subscription_free(subscription);
  hallway_hub_client_free(hub);
  hallway_hub_options_free(options);
  hallway_interrupt_free(interrupt);
  return status;
}
