// SPDX-License-Identifier: Apache-2.0
//
// Redis: PUBLISH and SUBSCRIBE over a Unix socket. Its client library sends a command no sooner
// than it is asked for the reply: whoever wants batches asks for many replies later.
#include <hiredis/hiredis.h>

#include "../support/fail.hpp"
#include "../support/fanout.hpp"

namespace {

using namespace bench;

constexpr std::size_t kept_back = 100;

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

class Publisher {
 public:
  explicit Publisher(const std::string& path) : redis_(redisConnectUnix(path.c_str())) {
    if (redis_ == nullptr || redis_->err != 0) fail("redisConnectUnix");
  }

  void append(std::string_view message) {
    if (redisAppendCommand(redis_, "PUBLISH t %b", message.data(), message.size()) != REDIS_OK) {
      fail(redis_->errstr);
    }
    if (++open_ == kept_back) settle();
  }

  /// Sends what was kept back, and reads the replies.
  void settle() {
    for (; open_ > 0; --open_) {
      void* reply = nullptr;
      if (redisGetReply(redis_, &reply) != REDIS_OK) fail(redis_->errstr);
      freeReplyObject(reply);
    }
  }

 private:
  redisContext* redis_;
  std::size_t open_ = 0;
};

void publish_each(Publication& publication, const std::string& path) {
  Publisher publisher(path);
  while (publication.announcing()) {
    publisher.append(publication.announcement());
    publisher.settle();
  }
  do {
    while (const auto message = publication.next()) publisher.append(*message);
    publisher.settle();
  } while (publication.again());
}

}  // namespace

int main(int argc, char** argv) {
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::string path = directory.socket();
    const std::string begin = "$" + std::to_string(options.size) + "\r\n";
    const auto connect = [path] { return connect_when_listening(path); };
    return Broker{
        .serve =
            [path, data = directory.path()] {
              become({REDIS_SERVER, "--port", "0", "--unixsocket", path, "--dir", data, "--save",
                      "", "--client-output-buffer-limit", "pubsub", "0", "0", "0"});
            },
        .protocol = {.subscriber_says = "*2\r\n" + bulk("SUBSCRIBE") + bulk("t"),
                     .before = "*3\r\n" + bulk("PUBLISH") + bulk("t") + begin,
                     .after = "\r\n",
                     .delivered_before = "*3\r\n" + bulk("message") + bulk("t") + begin,
                     .delivered_after = "\r\n"},
        .connect_subscriber = connect,
        .connect_publisher = connect,
        .publish_each = [path](Publication& publication) { publish_each(publication, path); }};
  });
}
