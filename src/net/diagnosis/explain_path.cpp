// SPDX-License-Identifier: Apache-2.0
//
// The names of a path, one after the other, as the kernel looks them up.
#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include <hallway/bytes.hpp>

#include "net/diagnosis/explain_parts.hpp"
#include "net/diagnosis/explain_permission.hpp"
#include "net/diagnosis/words.hpp"

namespace hallway::net {

namespace {

/// The table of names belongs to the first obstacle, and shows those that follow it.
void add_denial(const Evidence& evidence, Finding denial, Conclusions& found) {
  if (found.stops.empty()) {
    std::vector<std::string> lines = walk_lines(evidence);
    const auto server = server_lines(evidence);
    lines.insert(lines.end(), denial.evidence.begin(), denial.evidence.end());
    lines.insert(lines.end(), server.begin(), server.end());
    denial.evidence = std::move(lines);
  }
  found.stops.push_back(std::move(denial));
}

void explain_search(const Evidence& evidence, const PathStep& step, Conclusions& found) {
  if (has_permission(evidence) || is_met_again(evidence, step)) return;
  if (auto denial = explain_denial(evidence, step, Access::search)) {
    add_denial(evidence, std::move(*denial), found);
  }
}

Finding through_file(const PathStep& file) {
  return finding("path_through_file", Certainty::certain,
                 "the path goes through " + shown(file.path) + ", which is " +
                     std::string(words(file.kind)) + " and not a directory",
                 "use " + shown(file.path) + " itself, or correct the path");
}

Finding loop(const PathStep& step) {
  std::vector<std::string> lines;
  if (!step.target.empty()) lines.push_back(shown(step.path) + " leads to " + shown(step.target));
  return finding("symlink_loop", Certainty::certain,
                 "symbolic links lead in a circle at " + shown(step.path),
                 "correct the target of the link: ln -sfn TARGET " + shell_quoted(step.path),
                 std::move(lines));
}

Finding not_followed(const PathStep& link) {
  const Mount& mount = *link.mount;
  return finding("symlink_not_followed", Certainty::certain,
                 "the symbolic link " + shown(link.path) +
                     " is not followed: " + shown(mount.point) + " is mounted with nosymfollow",
                 "use the path it leads to: " + shell_quoted(link.target) +
                     ", or remount: mount -o remount,symfollow " + shell_quoted(mount.point));
}

Finding protected_link(const Evidence& evidence, const PathStep& link, const PathStep& directory) {
  const std::string owner =
      printable(link.owner_name.empty() ? "uid " + std::to_string(link.owner) : link.owner_name);
  return finding("symlink_protected", Certainty::certain,
                 "the symbolic link " + shown(link.path) + " of " + owner +
                     " is not followed for " + user_words(evidence.subject) +
                     ": all users may make links in " + shown(directory.path) +
                     ", and fs.protected_symlinks is on",
                 "use the path it leads to: " + shell_quoted(link.target) +
                     ", or make the link in a directory of its own");
}

bool follows_no_links(const PathStep& link) {
  return link.mount &&
         std::ranges::find(link.mount->options, "nosymfollow") != link.mount->options.end();
}

/// As may_follow_link() of the kernel (fs/namei.c), which makes no exception for root.
bool is_protected(const Evidence& evidence, const PathStep& link, const PathStep& directory) {
  constexpr unsigned sticky_for_all = 01002;
  return evidence.protects_symlinks && link.last && link.owner != evidence.subject.uid &&
         link.owner != directory.owner && (directory.mode & sticky_for_all) == sticky_for_all;
}

/// @return false if the kernel does not follow the link at `at`, which has a step before it
bool explain_link(const Evidence& evidence, std::size_t at, Conclusions& found) {
  const PathStep& link = evidence.steps[at];
  const PathStep& directory = evidence.steps[at - 1];
  if (has_permission(evidence)) return true;
  if (follows_no_links(link)) {
    found.stops.push_back(not_followed(link));
  } else if (is_protected(evidence, link, directory)) {
    found.stops.push_back(protected_link(evidence, link, directory));
  } else {
    return true;
  }
  return false;
}

Finding not_searchable(const PathStep& step) {
  return finding("no_permission_on_directory", Certainty::likely,
                 "permission denied: " + shown(step.path) + " cannot be looked at",
                 "look again as root, or as the owner of " + shown(directory_of(step.path)));
}

/// A name that could not be looked at.
void explain_error(const Evidence& evidence, std::size_t at, Conclusions& found) {
  const PathStep& step = evidence.steps[at];
  switch (step.error) {
    case ELOOP: found.stops.push_back(loop(step)); return;
    case ENOTDIR: found.stops.push_back(through_file(evidence.steps[at == 0 ? 0 : at - 1])); return;
    case ENAMETOOLONG:
      found.stops.push_back(
          finding("name_too_long", Certainty::certain,
                  "the file system does not accept a name as long as " + shown(step.path),
                  "use a shorter name"));
      return;
    case EACCES:
    case EPERM:
      if (found.stops.empty()) add_denial(evidence, not_searchable(step), found);
      return;
    default: break;
  }
  if (!found.stops.empty()) return;
  found.stops.push_back(finding("unexplained", Certainty::possible,
                                shown(step.path) + " cannot be looked at" +
                                    (step.error == 0 ? "" : ": " + error_words(step.error))));
}

/// The names one by one can be looked up all the same, which no program does.
bool is_longer_than_any(const Address& address) {
  return address.kind() == Address::Kind::path && address.name().size() >= PATH_MAX;
}

Finding longer_than_any(const Address& address) {
  return finding("name_too_long", Certainty::certain,
                 "the path has " + std::to_string(address.name().size()) +
                     " bytes, and the kernel accepts " + std::to_string(PATH_MAX - 1),
                 "use a shorter path, or a relative one");
}

/// bind(2) makes no directory, and a name that ends in a slash is one.
Finding slash_at_end(const PathStep& name) {
  return finding("directory_missing", Certainty::certain,
                 shown(name.path) +
                     " does not exist, and the slash at the end of the path makes it a directory",
                 "bind " + shell_quoted(name.path) + ", without the slash");
}

bool is_missing(const PathStep& step) {
  return step.kind == StepKind::missing || step.error == ENOENT;
}

bool is_unreadable(const PathStep& step) {
  return step.kind == StepKind::unknown || step.error == ELOOP || step.error == ENOTDIR;
}

}  // namespace

bool explain_walk(const Evidence& evidence, Conclusions& found) {
  if (is_longer_than_any(evidence.address)) {
    found.stops.push_back(longer_than_any(evidence.address));
    return false;
  }
  const PathStep* const own = evidence.for_bind ? own_name_of(evidence) : target_of(evidence);
  // In a removed directory no name can be made: there, a missing one is an obstacle to bind as
  // well.
  const bool is_removed =
      evidence.subject.working_directory_removed && !evidence.address.name().starts_with('/');
  for (std::size_t at = 0; at < evidence.steps.size(); ++at) {
    const PathStep& step = evidence.steps[at];
    if (&step == own && evidence.for_bind && !is_removed) {
      if (!is_missing(step) || !evidence.address.name().ends_with('/')) return true;
      found.stops.push_back(slash_at_end(step));
      return false;
    }
    if (is_missing(step)) {
      found.stops.push_back(explain_missing(evidence, at));
      return false;
    }
    if (is_unreadable(step)) {
      explain_error(evidence, at, found);
      return false;
    }
    if (&step == own) return true;
    if (step.kind == StepKind::directory) {
      explain_search(evidence, step, found);
    } else if (step.kind == StepKind::symlink) {
      if (at > 0 && !explain_link(evidence, at, found)) return false;
    } else {
      found.stops.push_back(through_file(step));
      return false;
    }
  }
  return evidence.address.kind() == Address::Kind::abstract;
}

void explain_socket_permission(const Evidence& evidence, Conclusions& found) {
  const PathStep* const step = target_of(evidence);
  if (step == nullptr || step->kind != StepKind::socket || has_permission(evidence)) return;
  if (auto denial = explain_denial(evidence, *step, Access::write)) {
    add_denial(evidence, std::move(*denial), found);
  }
}

}  // namespace hallway::net
