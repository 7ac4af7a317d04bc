// SPDX-License-Identifier: Apache-2.0
//
// Modes, access control lists, groups and capabilities, as the kernel decides.
#include "net/diagnosis/permissions.hpp"

#include "evidence_for_tests.hpp"

namespace hallway::test::permissions_tests {
namespace {

using net::Access;
using net::AclEntry;
using net::DecidedBy;
using net::Permission;
using net::Subject;

Subject of_user(std::uint32_t uid, std::uint32_t gid) {
  Subject subject;
  subject.uid = uid;
  subject.gid = gid;
  return subject;
}

PathStep socket(unsigned mode) {
  PathStep step = owned_by_app(directory("/run/app.sock"), mode);
  step.kind = StepKind::socket;
  return step;
}

Permission writes(const PathStep& step, const Subject& subject) {
  return net::permission(step, subject, Access::write);
}

TEST(permissions, the_owner_has_the_bits_of_the_owner_alone) {
  EXPECT_TRUE(writes(socket(0600), of_user(app, 1)).allowed);
  EXPECT_FALSE(writes(socket(0466), of_user(app, app)).allowed);
  EXPECT_EQ(writes(socket(0466), of_user(app, app)).by, DecidedBy::owner);
}

TEST(permissions, a_member_of_the_group_has_the_bits_of_the_group_alone) {
  Subject member = of_user(www_data, www_data);
  member.groups = {app};
  EXPECT_TRUE(writes(socket(0660), member).allowed);
  EXPECT_FALSE(writes(socket(0606), member).allowed);
  EXPECT_EQ(writes(socket(0606), member).by, DecidedBy::group);
}

TEST(permissions, everybody_else_has_the_other_bits) {
  EXPECT_TRUE(writes(socket(0602), of_user(www_data, www_data)).allowed);
  EXPECT_FALSE(writes(socket(0664), of_user(www_data, www_data)).allowed);
}

TEST(permissions, searching_a_directory_needs_x) {
  const Subject other = of_user(www_data, www_data);
  EXPECT_TRUE(net::permission(directory("/run", 0711), other, Access::search).allowed);
  EXPECT_FALSE(net::permission(directory("/run", 0744), other, Access::search).allowed);
}

TEST(permissions, capabilities_override_them) {
  Subject reader = of_user(0, 0);
  reader.searches_everywhere = true;
  EXPECT_TRUE(net::permission(socket(0700), reader, Access::search).allowed);
  EXPECT_FALSE(writes(socket(0600), reader).allowed);
  reader.overrides_permissions = true;
  EXPECT_EQ(writes(socket(0000), reader).by, DecidedBy::capability);
}

TEST(permissions, a_group_of_the_account_that_the_process_lacks_is_noticed) {
  Subject early = of_user(www_data, www_data);
  early.account_groups = {app};
  EXPECT_FALSE(writes(socket(0660), early).allowed);
  EXPECT_TRUE(writes(socket(0660), early).account_would_do);
  EXPECT_FALSE(writes(socket(0600), early).account_would_do);
}

PathStep listed(unsigned mode, std::vector<AclEntry> acl) {
  PathStep step = socket(mode);
  step.acl = std::move(acl);
  return step;
}

TEST(permissions, an_entry_for_the_user_decides_within_the_mask) {
  const Subject user = of_user(www_data, www_data);
  const AclEntry entry{AclEntry::Tag::user, www_data, 6};
  EXPECT_TRUE(writes(listed(0660, {entry, {AclEntry::Tag::mask, 0, 6}}), user).allowed);
  const Permission masked = writes(listed(0640, {entry, {AclEntry::Tag::mask, 0, 4}}), user);
  EXPECT_FALSE(masked.allowed);
  EXPECT_EQ(masked.by, DecidedBy::acl_mask);
  const PathStep denies = listed(0666, {{AclEntry::Tag::user, www_data, 0}});
  EXPECT_EQ(writes(denies, user).by, DecidedBy::acl_entry);
  EXPECT_FALSE(writes(denies, user).allowed);
}

TEST(permissions, one_of_several_groups_that_allows_it_is_enough) {
  Subject user = of_user(www_data, www_data);
  user.groups = {7, 8};
  const PathStep step = listed(
      0660,
      {{AclEntry::Tag::group, 7, 4}, {AclEntry::Tag::group, 8, 6}, {AclEntry::Tag::mask, 0, 6}});
  EXPECT_TRUE(writes(step, user).allowed);
  user.groups = {7};
  EXPECT_EQ(writes(step, user).by, DecidedBy::acl_entry);
}

TEST(permissions, the_kernel_does_not_read_a_list_whose_mask_is_empty) {
  const Subject user = of_user(www_data, www_data);
  const AclEntry entry{AclEntry::Tag::user, www_data, 6};
  const AclEntry mask{AclEntry::Tag::mask, 0, 0};
  EXPECT_TRUE(writes(listed(0606, {entry, mask}), user).allowed);
  EXPECT_EQ(writes(listed(0600, {entry, mask}), user).by, DecidedBy::acl_mask);
}

TEST(permissions, the_words_name_those_that_are_allowed) {
  EXPECT_EQ(net::allowed_words(socket(0660), Access::write), "app and group app");
  EXPECT_EQ(net::allowed_words(socket(0600), Access::write), "its owner, app,");
  EXPECT_EQ(net::allowed_words(socket(0060), Access::write), "group app");
  EXPECT_EQ(net::allowed_words(socket(0002), Access::write), "everybody");
  EXPECT_EQ(net::allowed_words(socket(0000), Access::write), "root");
}

}  // namespace
}  // namespace hallway::test::permissions_tests
