// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include "directory.hpp"
#include "fail.hpp"

namespace bench {

void run_halves(Sides& sides, const Options& options, const Half& serve, const Half& ask) {
  const Directory directory;
  const std::string path = directory.socket();
  sides.start("server", Core::server, [&](Side& side) { serve(side, options, path); });
  sides.await_ready("server");
  sides.start("client", Core::client, [&](Side& side) { ask(side, options, path); });
  sides.wait();

  const std::uint64_t messages = sides.account("client").messages;
  if (messages == 0) fail("not a single message came through");
  if (sides.account("server").messages != messages) {
    fail("the two sides counted different numbers of messages");
  }
}

}  // namespace bench
