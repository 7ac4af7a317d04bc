// SPDX-License-Identifier: Apache-2.0
//
// Where a hub is if nobody names its address, and hub::Client::find().
#include <hallway/hub_address.hpp>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <hallway/hub.hpp>
#include <hallway/hub_client.hpp>

#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

/// Both variables unset, and as they were afterwards.
class hub_address : public testing::Test {
 protected:
  static constexpr const char* names[] = {"HALLWAY_HUB", "XDG_RUNTIME_DIR"};

  void SetUp() override {
    for (const char* name : names) {
      const char* value = std::getenv(name);
      before_.emplace_back(value == nullptr ? std::nullopt : std::optional<std::string>(value));
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (std::size_t at = 0; at < before_.size(); ++at) {
      if (before_[at]) set(names[at], *before_[at]);
      if (!before_[at]) ::unsetenv(names[at]);
    }
  }

  static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

  TempDirectory directory;

 private:
  std::vector<std::optional<std::string>> before_;
};

using Addresses = std::vector<std::string>;

TEST_F(hub_address, is_that_of_the_machine_or_in_tmp) {
  EXPECT_EQ(hub::default_addresses(), (Addresses{"/run/hallway/hub", "/tmp/hallway-hub.sock"}));
  EXPECT_EQ(hub::default_listening_address(),
            ::geteuid() == 0 ? "/run/hallway/hub" : "/tmp/hallway-hub.sock");
}

TEST_F(hub_address, is_first_that_of_the_environment_then_that_of_the_user) {
  set("XDG_RUNTIME_DIR", directory.path());
  const std::string own = directory.path() + "/hallway/hub";
  EXPECT_EQ(hub::default_addresses(),
            (Addresses{own, "/run/hallway/hub", "/tmp/hallway-hub.sock"}));
  EXPECT_EQ(hub::default_listening_address(), own);
  set("HALLWAY_HUB", "@hub");
  EXPECT_EQ(hub::default_addresses(),
            (Addresses{"@hub", own, "/run/hallway/hub", "/tmp/hallway-hub.sock"}));
  EXPECT_EQ(hub::default_listening_address(), "@hub");
  set("HALLWAY_HUB", "");
  EXPECT_EQ(hub::default_listening_address(), own);
}

TEST_F(hub_address, is_not_in_a_directory_that_is_not_a_runtime_directory_of_this_user) {
  const std::string file = directory / "file";
  ASSERT_EQ(::mknod(file.c_str(), S_IFREG | 0600, 0), 0);
  std::vector<std::string> wrong{"", ".", "relative", directory / "missing", file};
  if (::geteuid() != 0) wrong.emplace_back("/");
  for (const std::string& path : wrong) {
    set("XDG_RUNTIME_DIR", path);
    EXPECT_EQ(hub::default_addresses().size(), 2U) << path;
  }
  if (::geteuid() != 0) return;
  set("XDG_RUNTIME_DIR", directory.path());
  ASSERT_EQ(::chown(directory.path().c_str(), 1234, 1234), 0);
  EXPECT_EQ(hub::default_addresses().size(), 2U) << "it belongs to another user";
}

class finding_a_hub : public hub_address {
 protected:
  std::string find(const hub::ClientOptions& options = {}) {
    auto found = loop.run(hub::Client::find(loop, options));
    if (!found) error = found.error();
    return found ? found->address().name() : "none";
  }

  Hub start(const std::string& path) {
    auto started = Hub::start(loop, path, {});
    EXPECT_TRUE(started) << started.error().explain();
    return std::move(*started);
  }

  Task<> start_late(std::string path, std::optional<Hub>& into) {
    co_await loop.sleep(20ms);
    into.emplace(start(path));
  }

  Loop loop;
  Error error;
};

TEST_F(finding_a_hub, takes_the_first_that_is_served) {
  const std::string own = directory.path() + "/hallway/hub";
  const std::string named = directory / "named";
  ASSERT_EQ(::mkdir((directory / "hallway").c_str(), 0700), 0);
  set("XDG_RUNTIME_DIR", directory.path());
  set("HALLWAY_HUB", named);
  const Hub user_hub = start(own);
  EXPECT_EQ(find(), own);
  const Hub named_hub = start(named);
  EXPECT_EQ(find(), named);
}

TEST_F(finding_a_hub, reports_a_variable_that_is_not_an_address) {
  set("HALLWAY_HUB", "tcp:host:1");
  EXPECT_EQ(find(), "none");
  EXPECT_TRUE(error.explain().contains("tcp:host:1")) << error.explain();
  EXPECT_TRUE(error.reason.ends_with(" (HALLWAY_HUB)")) << error.reason;
}

TEST_F(finding_a_hub, stops_at_a_server_that_is_not_a_hub) {
  set("HALLWAY_HUB", directory / "server");
  const auto silent = Server::open(loop, directory / "server",
                                   [](Connection client) -> Task<> { co_await client.receive(); });
  ASSERT_TRUE(silent);
  EXPECT_EQ(find({.timeout = 20ms}), "none");
  EXPECT_EQ(error.code, std::errc::timed_out);
}

TEST_F(finding_a_hub, tries_again_as_long_as_asked) {
  const std::string named = directory / "late";
  set("HALLWAY_HUB", named);
  // A hub that somebody runs on this machine would be found instead.
  if (::access("/run/hallway/hub", F_OK) == 0 || ::access("/tmp/hallway-hub.sock", F_OK) == 0) {
    GTEST_SKIP() << "a hub runs on this machine";
  }
  EXPECT_EQ(find({.retry_for = 20ms}), "none");
  EXPECT_EQ(error.code, std::errc::no_such_file_or_directory);
  EXPECT_EQ(error.why(), "none is served at unix:" + named +
                             ", unix:/run/hallway/hub or unix:/tmp/hallway-hub.sock");
  EXPECT_FALSE(error.hint.empty());
  std::optional<Hub> late;
  loop.spawn(start_late(named, late));
  EXPECT_EQ(find({.retry_for = patience}), named);
}

}  // namespace
}  // namespace hallway
