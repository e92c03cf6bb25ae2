// Where the files of a database stand.
//
//   database, checkpoint   CURRENT, MANIFEST-N, OPTIONS-N, N.log and N.sst, N.ldb, N.blob in one
//                          directory; with db_paths tables in other directories too
//   backup                 BackupEngine's: meta/ID lists the files of backup ID, a line each that
//                          begins with private/ID/NAME, shared/NAME or shared_checksum/N_*.SUFFIX
//
// A value after find(); thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace levelscan {

class DatabaseFiles {
 public:
  // `path`: a database's directory, that of all backups (the newest one counts), or private/ID of
  // one backup. `table_directories`: where tables stand that aren't in the database's directory.
  // Throws Error kRuntime, kCorruption. What is no database is found out by whoever reads CURRENT.
  static DatabaseFiles find(std::string const& path,
                            std::vector<std::string> const& table_directories);

  // With CURRENT in it.
  [[nodiscard]] std::string const& directory() const { return directory_; }

  // Path of table or blob file `number`; where there is none the path where it was expected.
  [[nodiscard]] std::string table(uint64_t number) const;
  [[nodiscard]] std::string blob_file(uint64_t number) const;

 private:
  [[nodiscard]] std::string locate(uint64_t number, std::string_view suffix) const;
  void read_backup(std::string root, std::string const& id);

  std::string directory_;
  std::vector<std::string> table_directories_;
  // (number, suffix) -> path, of a backup.
  std::map<std::pair<uint64_t, std::string>, std::string, std::less<>> backed_up_;
};

}  // namespace levelscan
