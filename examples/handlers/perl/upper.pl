#!/usr/bin/perl
# upper.pl - a handler: the payload in capitals; see policypool-handler(7).
use strict;
use warnings;
use JSON::PP;

my $json = JSON::PP->new->utf8;

$| = 1;    # each answer at once
while (my $line = <STDIN>) {
	my $job = $json->decode($line);
	my $answer = { job => $job->{job} };

	if (exists $job->{encoding}) {
		$answer->{error} = 'this handler takes text only';
	} else {
		$answer->{payload} = uc $job->{payload};
	}
	print $json->encode($answer), "\n";
}
