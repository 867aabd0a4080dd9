# Perl's DBI drivers, told what to do: `perl perl_client.pl DRIVER`, cases as JSON on standard input, a line for each.
use strict;
use warnings;

use DBI;
use JSON::PP;
use Time::HiRes;

my $driver = shift @ARGV;    # mysql or MariaDB
my $prefix = lc $driver;

sub now { return int(Time::HiRes::time() * 1_000_000) * 1000 }

sub connection {
    my ($each) = @_;
    my $words = join ';', "dbi:$driver:host=$each->{host}", "port=$each->{port}", "database=$each->{database}";
    return DBI->connect(
        $words,
        $each->{user},
        $each->{password},
        {
            RaiseError                => 1,
            PrintError                => 0,
            # Neither can insist on TLS without verifying the server.
            ($each->{tls} ? ("${prefix}_ssl" => 1, "${prefix}_ssl_optional" => $each->{verify} ? 0 : 1) : ()),
            "${prefix}_compression"   => $each->{compress} ? 1 : 0,
            ($each->{multi} ? ("${prefix}_multi_statements" => 1) : ()),
            ($each->{infile} ? ("${prefix}_local_infile" => 1) : ()),
            (map { ("${prefix}_ssl_ca_file" => $each->{ca}) } grep { $each->{verify} } 1),
            "${prefix}_conn_attrs"    => $each->{attributes},
            "${prefix}_server_prepare" => 0,
        }
    );
}

sub rows {
    my ($handle) = @_;
    return [] unless $handle->{NUM_OF_FIELDS};
    return [map { [map { defined $_ ? "$_" : '' } @$_] } @{$handle->fetchall_arrayref}];
}

sub query {
    my ($dbh, $sql) = @_;
    my $handle = $dbh->prepare($sql);
    $handle->execute;
    return rows($handle);
}

sub prepared {
    my ($dbh, $sql, $values) = @_;
    my $handle = $dbh->prepare($sql, {"${prefix}_server_prepare" => 1});
    $handle->execute(@$values);
    return rows($handle);
}

sub multi {
    my ($dbh, $sql) = @_;
    my $handle = $dbh->prepare($sql);
    $handle->execute;
    my @counts = (scalar @{rows($handle)});
    push @counts, scalar @{rows($handle)} while $handle->more_results;
    return [@counts];
}

sub call {
    my ($dbh, $given, $total) = @_;
    $dbh->do("SET \@total = $total");
    $dbh->do("CALL doubled($given, \@total, \@said)");
    return query($dbh, 'SELECT @total, @said')->[0];
}

# Row by row as the server sends them, in place of all at once.
sub cursor {
    my ($dbh, $sql) = @_;
    my $handle = $dbh->prepare($sql, {"${prefix}_use_result" => 1});
    $handle->execute;
    my $count = 0;
    $count++ while $handle->fetchrow_arrayref;
    return $count;
}

sub typed {
    my ($dbh, $sql, $values) = @_;
    my %types = (blob => DBI::SQL_BLOB, int => DBI::SQL_INTEGER, bool => DBI::SQL_INTEGER, double => DBI::SQL_DOUBLE);
    my $handle = $dbh->prepare($sql, {"${prefix}_server_prepare" => 1});
    for my $place (1 .. @$values) {
        my ($kind, $word) = @{$values->[$place - 1]};
        my $value = $kind eq 'null' ? undef : $kind eq 'blob' ? pack('H*', $word) : $word;
        $types{$kind} ? $handle->bind_param($place, $value, $types{$kind}) : $handle->bind_param($place, $value);
    }
    return 0 + $handle->execute;
}

sub batch {
    my ($dbh, $sql, $rows) = @_;
    my $handle = $dbh->prepare($sql, {"${prefix}_server_prepare" => 1});
    my $total = 0;
    $total += $handle->execute(@$_) for @$rows;
    return $total;
}

sub idle {
    my ($dbh, $sql, $milliseconds) = @_;
    Time::HiRes::usleep($milliseconds * 1000);
    return eval { query($dbh, $sql); 1 } ? 'still there' : 'lost';
}

my %deeds = (
    idle  => \&idle,
    multi => \&multi, call => \&call, cursor => \&cursor, typed => \&typed, batch => \&batch,
    load  => sub { my ($dbh, $sql) = @_; return 0 + $dbh->do($sql) },
);

sub pairs {
    my ($found) = @_;
    return {map { $_->[0] => $_->[1] } @$found};
}

sub step {
    my ($dbh, $words, $result) = @_;
    my ($kind, $sql) = @$words;
    my $expected = $words->[-1];
    if ($kind eq 'query' or $kind eq 'prepared') {
        my $found = $kind eq 'query' ? query($dbh, $sql) : prepared($dbh, $sql, $words->[2]);
        push @{$result->{problems}}, "$sql: " . @$found . ' rows' if @$found != $expected;
    } elsif ($kind eq 'fails') {
        my $ok = eval { query($dbh, $sql); 1 };
        push @{$result->{problems}}, "$sql: " . ($ok ? 'no error' : $@) if $ok or $dbh->err != $expected;
    } elsif ($kind eq 'status') {
        my $found = pairs(query($dbh, $sql));
        $result->{status}{$_} = $found->{$_} for keys %$found;
    } elsif ($kind eq 'ping') {
        push @{$result->{problems}}, 'no ping' unless $dbh->ping;
    } elsif ($deeds{$kind}) {
        my (undef, @given) = @$words[0 .. $#$words - 1];
        my $found = $deeds{$kind}->($dbh, @given);
        my ($seen, $wanted) = map { ref $_ ? join ',', @$_ : $_ } $found, $expected;
        push @{$result->{problems}}, "$kind $sql: $seen" if $seen ne $wanted;
    } else {
        push @{$result->{problems}}, "unknown step $kind";
    }
    return;
}

sub work {
    my ($dbh, $each, $result) = @_;
    my @found = map { query($dbh, $_) } @{$each->{identify}};
    $result->{connection_id} = 0 + $found[0][0][0];
    $result->{version}       = $found[0][0][1];
    $result->{attributes}    = pairs($found[1]);
    $result->{status}        = pairs($found[2]);
    step($dbh, $_, $result) for @{$each->{steps}};
    return;
}

sub run {
    my ($each) = @_;
    my $result = {name => $each->{name}, error => undef, message => '', problems => [], start_ns => now()};
    my $dbh = eval { connection($each) };
    if ($dbh) {
        eval { work($dbh, $each, $result); 1 } or push @{$result->{problems}}, "$@";
        $dbh->disconnect;
    } else {
        $result->{error}   = 0 + (DBI->err // -1);
        $result->{message} = DBI->errstr // "$@";
    }
    $result->{end_ns} = now() + 1000;
    return $result;
}

my $json = JSON::PP->new->utf8->canonical;
$| = 1;
print $json->encode(run($_)), "\n" for @{$json->decode(do { local $/; <STDIN> })};
