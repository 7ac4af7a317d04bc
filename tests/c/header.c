/* Compiled as C and as C++, as a program does that includes nothing else. */
#include <hallway.h>

/* Twice, because a header may be included by another. */
#include <hallway.h>

/* Constants and structures are usable in both languages. */
int main(void) {
  hallway_view view = {"x", 1};
  hallway_peer peer = {0, 0, 0};
  hallway_outcome outcome = HALLWAY_FAILED;
  int64_t wait = HALLWAY_FOREVER - HALLWAY_SECOND + HALLWAY_MILLISECOND;
  return view.size == 1 && peer.pid == 0 && outcome == 8 && wait > 0 ? 0 : 1;
}
