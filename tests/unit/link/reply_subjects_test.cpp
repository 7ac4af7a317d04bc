// SPDX-License-Identifier: Apache-2.0
#include "link/reply_subjects.hpp"

#include <gtest/gtest.h>

#include <hallway/hub_client.hpp>

namespace hallway::link {
namespace {

TEST(reply_subjects, lead_back_to_what_they_were_made_for) {
  const ReplySubjects ours("LINK", {1, 2});
  const std::string sealed = ours.seal("_INBOX.a.1");
  EXPECT_TRUE(is_subject(sealed));
  EXPECT_TRUE(matches_subject(ours.pattern(), sealed));
  EXPECT_EQ(ours.open(sealed), "_INBOX.a.1");
  // Over two links.
  const ReplySubjects theirs("OTHER", {3, 4});
  EXPECT_EQ(theirs.open(theirs.seal(sealed)), sealed);
}

TEST(reply_subjects, open_nothing_that_was_not_sealed_here) {
  const ReplySubjects ours("LINK", {1, 2});
  const std::string sealed = ours.seal("_INBOX.a.1");
  EXPECT_FALSE(ReplySubjects("LINK", {1, 3}).open(sealed));
  EXPECT_FALSE(ReplySubjects("OTHER", {1, 2}).open(sealed));
  EXPECT_FALSE(ours.open(sealed.substr(0, sealed.size() - 1) + '2'));
  EXPECT_FALSE(ours.open("_HALLWAY.REPLY.LINK.0123456789abcdef."));
  EXPECT_FALSE(ours.open("_HALLWAY.REPLY.LINK.0123456789abcdef"));
  EXPECT_FALSE(ours.open("_INBOX.a.1"));
}

}  // namespace
}  // namespace hallway::link
