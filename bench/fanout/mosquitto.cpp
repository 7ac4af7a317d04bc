// SPDX-License-Identifier: Apache-2.0
//
// mosquitto: MQTT 3.1.1 over a Unix socket, quality of service 0.
#include <mosquitto.h>

#include <fstream>

#include "../support/fail.hpp"
#include "../support/fanout.hpp"

namespace {

using namespace bench;

/// A packet of MQTT: its type and flags, how long the rest is, the rest.
std::string packet(char type, const std::string& rest) {
  return type + std::string(1, static_cast<char>(rest.size())) + rest;
}

std::string text(const std::string& characters) {
  return std::string(1, '\0') + static_cast<char>(characters.size()) + characters;
}

std::string connect_packet() {
  const std::string clean_session = "\2";
  const std::string no_keep_alive(2, '\0');
  return packet('\x10', text("MQTT") + '\4' + clean_session + no_keep_alive + text(""));
}

std::string subscribe_packet() {
  const std::string number("\0\1", 2);
  const std::string quality_of_service(1, '\0');
  return packet('\x82', number + text("t") + quality_of_service);
}

void check(int status, std::string_view operation) {
  if (status != MOSQ_ERR_SUCCESS) fail(std::string(operation) + ": " + mosquitto_strerror(status));
}

void publish_each(Publication& publication, const std::string& path) {
  mosquitto_lib_init();
  mosquitto* client = mosquitto_new(nullptr, true, nullptr);
  check(mosquitto_connect(client, path.c_str(), 0, 60), "mosquitto_connect");
  check(mosquitto_loop_start(client), "mosquitto_loop_start");
  const auto publish = [&](std::string_view message) {
    check(mosquitto_publish(client, nullptr, "t", static_cast<int>(message.size()), message.data(),
                            0, false),
          "mosquitto_publish");
  };
  while (publication.announcing()) publish(publication.announcement());
  do {
    while (const auto message = publication.next()) publish(*message);
  } while (publication.again());
}

}  // namespace

int main(int argc, char** argv) {
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::string path = directory.socket();
    const std::string configuration = directory.path() + "/mosquitto.conf";
    // Without limits on what waits; as root it would become another user, who has no directory
    // here.
    std::ofstream(configuration) << "listener 0 " << path << "\nallow_anonymous true\nuser root\n"
                                 << "max_queued_messages 0\nmax_inflight_messages 0\n"
                                 << "log_type none\n";
    const std::string empty = packet('\x30', text("t") + std::string(options.size, ' '));
    const std::string frame = empty.substr(0, empty.size() - options.size);
    const auto connect = [path] { return connect_when_listening(path); };
    return Broker{
        .serve = [configuration] { become({MOSQUITTO, "-c", configuration}); },
        .protocol = {.publisher_says = connect_packet(),
                     .subscriber_says = connect_packet() + subscribe_packet(),
                     .before = frame,
                     .delivered_before = frame},
        .connect_subscriber = connect,
        .connect_publisher = connect,
        .publish_each = [path](Publication& publication) { publish_each(publication, path); }};
  });
}
