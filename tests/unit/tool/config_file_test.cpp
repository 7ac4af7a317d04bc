// SPDX-License-Identifier: Apache-2.0
#include "tool/io/config_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include <hallway/descriptor.hpp>

#include "support/temp_directory.hpp"

namespace hallway::tool {

namespace {

class config_file : public testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(path) << text; }
  [[nodiscard]] std::errc refused() const {
    const auto read = read_config_file(path, ConfigRead::again);
    EXPECT_FALSE(read);
    return read ? std::errc{} : static_cast<std::errc>(read.error().code.value());
  }

  test::TempDirectory directory;
  std::string path = directory / "config";
};

TEST_F(config_file, is_read_to_its_end_both_times) {
  const std::string text(max_config_size, '#');
  write(text);
  EXPECT_EQ(read_config_file(path, ConfigRead::at_start).value_or(""), text);
  EXPECT_EQ(read_config_file(path, ConfigRead::again).value_or(""), text);
  write(text + "#");
  EXPECT_FALSE(read_config_file(path, ConfigRead::at_start));
  EXPECT_EQ(refused(), std::errc::file_too_large);
}

TEST_F(config_file, may_be_empty_at_the_start_and_not_again) {
  for (const char* blank : {"", "\n", " \t\r\n", "\xef\xbb\xbf", "\xef\xbb\xbf\n"}) {
    write(blank);
    EXPECT_EQ(read_config_file(path, ConfigRead::at_start).value_or("?"), blank);
    EXPECT_EQ(refused(), std::errc::no_message_available);
  }
  write("#");
  EXPECT_TRUE(read_config_file(path, ConfigRead::again));
}

TEST_F(config_file, that_is_a_fifo_is_neither_waited_for_nor_read_again) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(refused(), std::errc::not_supported);
}

TEST_F(config_file, that_a_process_writes_is_not_read_again_before_it_is_closed) {
  write("# whole\n");
  {
    const std::ofstream writer(path, std::ios::app);
    EXPECT_EQ(refused(), std::errc::resource_unavailable_try_again);
    EXPECT_TRUE(read_config_file(path, ConfigRead::at_start));
  }
  EXPECT_TRUE(read_config_file(path, ConfigRead::again));
}

TEST_F(config_file, that_is_gone_or_is_a_directory_is_the_kernel_s_error) {
  EXPECT_EQ(refused(), std::errc::no_such_file_or_directory);
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  EXPECT_EQ(refused(), std::errc::not_supported);
  EXPECT_EQ(read_config_file(path, ConfigRead::at_start).error().code, std::errc::is_a_directory);
}

TEST_F(config_file, without_a_name_is_not_the_config_any_longer) {
  write("# one\n");
  const Descriptor opened = Descriptor::adopt(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string by_number = "/proc/self/fd/" + std::to_string(opened.get());
  EXPECT_TRUE(read_config_file(by_number, ConfigRead::again));
  ASSERT_EQ(unlink(path.c_str()), 0);
  const auto read = read_config_file(by_number, ConfigRead::again);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, std::errc::no_such_file_or_directory);
}

}  // namespace

}  // namespace hallway::tool
