# mysqltcl: `tclsh asks.tcl HOST PORT USER PASSWORD STATEMENT...`; the number of rows of each statement, a line each.
package require mysqltcl

set statements [lassign $argv host port user password]
set handle [::mysql::connect -host $host -port $port -user $user -password $password -db labdb]
foreach statement $statements {
    puts [llength [::mysql::sel $handle $statement -list]]
}
::mysql::close $handle
