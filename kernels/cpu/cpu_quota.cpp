#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <vector>

#include <sluice/core/text.h>
#include <sluice/kernels/cpu/default_threads.h>

namespace sluice::cpu {
namespace {

/// Where a hierarchy of control groups is mounted, and which group is mounted there.
struct Mount {
  bool version_2;
  std::string group, folder;
};

/// The process's group in a hierarchy.
struct Group {
  bool version_2;
  std::string path;
};

bool lists(const std::string& names, const std::string& name) {
  const std::vector<std::string> all = split_text(names, ',');
  return std::find(all.begin(), all.end(), name) != all.end();
}

/// mountinfo writes spaces and the like as a backslash and three octal digits.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '\\' && i + 3 < text.size() && std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// Lines "36 35 98:0 GROUP FOLDER OPTIONS [FIELDS] - TYPE SOURCE OPTIONS".
std::vector<Mount> mounts(const std::string& root) {
  std::vector<Mount> found;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> before = split_text(line.substr(0, dash), ' '),
                                   behind = split_text(line.substr(dash + 3), ' ');
    if (before.size() < 5 || behind.size() < 3) continue;
    const bool version_2 = behind[0] == "cgroup2";
    if (version_2 || (behind[0] == "cgroup" && lists(behind[2], "cpu")))
      found.push_back({version_2, unescaped(before[3]), unescaped(before[4])});
  }
  return found;
}

/// Lines "0::PATH" of version 2 and "4:cpu,cpuacct:PATH" of version 1.
std::vector<Group> groups(const std::string& root) {
  std::vector<Group> found;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool version_2 = controllers.empty();
    if (version_2 || lists(controllers, "cpu")) found.push_back({version_2, line.substr(second + 1)});
  }
  return found;
}

/// The path below the mount's folder: "/a/b" or "". A group that is not below the mounted one has another view of the
/// tree than this process; what is mounted is then all there is.
std::string below(const std::string& group, const std::string& mounted) {
  const std::string top = mounted.substr(0, mounted.find_last_not_of('/') + 1);
  if (!group.starts_with(top) || group.find("/..") != std::string::npos) return "";
  const std::string rest = group.substr(top.size());
  return rest.starts_with('/') && rest != "/" ? rest : "";
}

/// `quota` microseconds in each period of `period`. Nothing for "max", -1, and what is no number.
std::optional<double> ratio(const std::string& quota, const std::string& period) {
  const auto number = [](const std::string& text) {
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    return std::from_chars(text.data(), end, value).ptr == end ? value : 0;
  };
  const std::int64_t a = number(quota), b = number(period);
  return a > 0 && b > 0 ? std::optional(static_cast<double>(a) / static_cast<double>(b)) : std::nullopt;
}

std::string word(std::istream& in) {
  std::string text;
  in >> text;
  return text;
}

std::optional<double> quota_of(const std::string& folder, bool version_2) {
  if (version_2) {
    std::ifstream file(folder + "/cpu.max");
    const std::string quota = word(file);
    return ratio(quota, word(file));
  }
  std::ifstream quota(folder + "/cpu.cfs_quota_us"), period(folder + "/cpu.cfs_period_us");
  return ratio(word(quota), word(period));
}

}  // namespace

std::optional<double> cpu_quota(const std::string& root) {
  std::optional<double> least;
  const std::vector<Group> own = groups(root);
  for (const Mount& mount : mounts(root))
    for (const Group& group : own) {
      if (group.version_2 != mount.version_2) continue;
      for (std::string path = below(group.path, mount.group);; path.resize(path.rfind('/'))) {
        const std::optional<double> quota = quota_of(root + mount.folder + path, mount.version_2);
        if (quota && (!least || *quota < *least)) least = quota;
        if (path.empty()) break;
      }
    }
  return least;
}

}  // namespace sluice::cpu
