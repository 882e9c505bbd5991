#!/usr/bin/node
// upper.js - a handler: the payload in capitals; see policypool-handler(7).
'use strict';

function upper(job) {
	if ('encoding' in job)
		throw new Error('this handler takes text only');
	return job.payload.toUpperCase();
}

require('readline').createInterface({input: process.stdin}).on('line', (line) => {
	const job = JSON.parse(line);
	const answer = {job: job.job};

	try {
		answer.payload = upper(job);
	} catch (e) {
		answer.error = e.message;
	}
	process.stdout.write(JSON.stringify(answer) + '\n');
});
