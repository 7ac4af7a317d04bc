// SPDX-License-Identifier: Apache-2.0
#include "subject/hash_index.hpp"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <string>

#include "subject/pool.hpp"
#include "subject/string_interner.hpp"

namespace hallway::hub {
namespace {

Index find(const HashIndex& index, std::uint32_t hash, Index wanted) {
  return index.find(hash, [wanted](Index found) { return found == wanted; });
}

TEST(hash_index, has_nothing_at_first) {
  EXPECT_EQ(HashIndex().find(1, [](Index) { return true; }), no_index);
}

// Few hashes and a small table: runs of places that lead round its end, and holes in all of them.
TEST(hash_index, finds_what_came_and_did_not_go) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    std::map<Index, std::uint32_t> expected;
    HashIndex index;
    for (Index step = 0; step < 2'000; ++step) {
      if (random() % 2 == 0 && expected.size() < 60) {
        const auto hash =
            static_cast<std::uint32_t>(random() % 4 == 0 ? random() : 14 + random() % 4);
        index.reserve_one();
        index.insert(hash, step);
        expected.emplace(step, hash);
      } else if (!expected.empty()) {
        const auto gone = std::next(expected.begin(), static_cast<int>(random() % expected.size()));
        index.erase(gone->second, gone->first);
        ASSERT_EQ(find(index, gone->second, gone->first), no_index);
        expected.erase(gone);
      }
      for (const auto& [wanted, hash] : expected) ASSERT_EQ(find(index, hash, wanted), wanted);
    }
  }
}

TEST(pool, gives_a_place_that_is_free_again_and_like_new) {
  Pool<std::string> pool;
  const Index first = pool.acquire();
  const Index second = pool.acquire();
  pool[first] = "first";
  pool[second] = "second";
  pool.release(first);
  EXPECT_EQ(pool.size(), 1U);
  EXPECT_EQ(pool.acquire(), first);
  EXPECT_EQ(pool[first], "");
  EXPECT_EQ(pool[second], "second");
}

TEST(pool, keeps_no_memory_of_what_was_given_back) {
  Pool<std::string> pool;
  const Index index = pool.acquire();
  pool[index] = std::string(1'000, 'x');
  pool.release(index);
  EXPECT_EQ(pool.acquire(), index);
  EXPECT_EQ(pool[index].capacity(), std::string().capacity());
}

TEST(string_interner, keeps_a_symbol_as_long_as_it_is_in_use) {
  StringInterner words({1, 2});
  const Symbol once = words.acquire("word");
  EXPECT_EQ(words.acquire("word"), once);
  EXPECT_NE(words.acquire("other"), once);
  EXPECT_EQ(words.size(), 2U);
  words.release(once);
  EXPECT_EQ(words.find("word", words.hash("word")), once);
  words.release(once);
  EXPECT_EQ(words.find("word", words.hash("word")), no_word);
  EXPECT_EQ(words.size(), 1U);
}

}  // namespace
}  // namespace hallway::hub
