// Only members of group video may connect, and they may pass descriptors.
//
//   design_camera [ADDRESS]
//
// A message requests a frame and carries the memory to write it to: only a short text is copied
// through the socket.
#include <unistd.h>

#include <iostream>
#include <string>

#include <hallway/hallway.hpp>

using namespace hallway;

Task<> serve_frames(Connection viewer) {
  for (int number = 1; auto request = co_await viewer.receive(); ++number) {
    const std::string frame = "frame " + std::to_string(number);
    std::size_t written = 0;
    for (const Descriptor& memory : request->descriptors()) {
      if (pwrite(memory.get(), frame.data(), frame.size(), 0) > 0) ++written;
    }
    co_await viewer.send(frame + " is in " + std::to_string(written) + " descriptors");
  }
}

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  Loop loop;
  auto server = Server::open(loop, argc > 1 ? argv[1] : "/run/camera.sock", serve_frames,
                             {.type = SocketType::seqpacket,
                              .file = {.mode = 0660, .group = "video"},
                              .allow = {allow::group("video")},
                              .connection = {.descriptors = 4}});
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';
  loop.drain_on({SIGINT, SIGTERM});
  return loop.run();
}
