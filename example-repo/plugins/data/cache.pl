#!/usr/bin/env perl
# How the cache does: one INFO to a server that speaks the Redis protocol.
#
#     cache.pl [HOST [PORT]]
#
# Perfdata: memory_mb, clients, hit_ratio (% of all reads since the start), evicted_keys and uptime (s).
use strict;
use warnings;
use IO::Socket::INET;

my ( $host, $port ) = @ARGV;
$host //= '127.0.0.1';
$port //= 6379;

my $server = IO::Socket::INET->new( PeerAddr => $host, PeerPort => $port, Proto => 'tcp', Timeout => 5 );
if ( !$server ) {
    print "CRITICAL - the cache at $host:$port does not answer: $@\n";
    exit 2;
}
local $SIG{ALRM} = sub { print "CRITICAL - the cache at $host:$port does not finish its answer\n"; exit 2 };
alarm 5;
print {$server} "*1\r\n\$4\r\nINFO\r\n";
my $head = <$server> // '';
if ( $head !~ /^\$(\d+)/ ) {
    $head =~ s/[^ -~]//g;
    print "UNKNOWN - the cache answered: $head\n";
    exit 3;
}
my $info = '';
read $server, $info, $1;
alarm 0;

my %fact = $info =~ /^(\w+):([^\r\n]*)/mg;
my @missing = grep { !defined $fact{$_} }
    qw(used_memory connected_clients keyspace_hits keyspace_misses evicted_keys uptime_in_seconds);
if (@missing) {
    print "UNKNOWN - the cache did not tell: @missing\n";
    exit 3;
}
my $reads = $fact{keyspace_hits} + $fact{keyspace_misses};
my $ratio = $reads ? 100 * $fact{keyspace_hits} / $reads : 100;

# a cold cache misses a lot; only one that has been up for an hour is judged
my $code = $fact{uptime_in_seconds} > 3600 && $ratio < 50 ? 1 : 0;
printf "%s - %.0f %% of %d reads hit | memory_mb=%.1fMB clients=%d hit_ratio=%.1f%%;50: evicted_keys=%dc uptime=%ds\n",
    ( 'OK', 'WARNING' )[$code], $ratio, $reads, $fact{used_memory} / 1024 / 1024, $fact{connected_clients}, $ratio,
    $fact{evicted_keys}, $fact{uptime_in_seconds};
exit $code;
