// An OPTIONS file: with which options a database was last opened. RocksDB writes a new one at each
// opening; LevelDB writes none.
//
//   file:     lines; '#' begins a comment unless escaped
//   section:  [Title] or [Title "argument"], then key=value lines up to the next section:
//             [Version], [DBOptions], [CFOptions "NAME"], [TableOptions/BlockBasedTable "NAME"]
//   escapes:  \n and \r stand for those characters, a backslash before any other for it alone
//   object:   a value like {id=NAME;key=value;...}, or NAME alone, or nullptr
//
// It says what the writer's program was configured to do, which the tables need not have followed:
// where a fact stands in the tables or the MANIFEST too, those count. Values; const use is
// thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace levelscan {

struct OptionsSection {
  std::string title;     // "CFOptions"
  std::string argument;  // the column family's name, say; empty where there is none
  std::map<std::string, std::string> values;  // as written, without escapes; the first of a key
};

// A value that names an object and may configure it.
struct OptionsObject {
  std::string id;  // empty for none (nullptr)
  std::map<std::string, std::string> settings;
};

class OptionsFile {
 public:
  // Never fails: a line of another form is skipped.
  [[nodiscard]] static OptionsFile parse(std::string_view text);

  [[nodiscard]] std::vector<OptionsSection> const& sections() const { return sections_; }
  // The value of a key; nothing when the section or the key isn't there.
  [[nodiscard]] std::optional<std::string> value(std::string_view title, std::string_view argument,
                                                 std::string_view key) const;
  // The same from [DBOptions], and from [CFOptions "column_family"].
  [[nodiscard]] std::optional<std::string> database_option(std::string_view key) const {
    return value("DBOptions", "", key);
  }
  [[nodiscard]] std::optional<std::string> column_family_option(std::string_view column_family,
                                                                std::string_view key) const {
    return value("CFOptions", column_family, key);
  }

 private:
  std::vector<OptionsSection> sections_;
};

// "{id=StringAppendOperator;delimiter=,;}", "PutOperator", "nullptr" or "" as an object. Settings
// of objects inside it are left as text.
[[nodiscard]] OptionsObject parse_options_object(std::string_view value);

// The OPTIONS file with the highest number in a database's directory; without sections where there
// is none. Throws Error: kRuntime when the directory or file cannot be read, kCorruption for a file
// too large to be one.
[[nodiscard]] OptionsFile read_newest_options(std::string const& database);

}  // namespace levelscan
