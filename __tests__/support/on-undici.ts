/** The set-up of the Jest projects that run on undici. */
process.env.LOOM_TEST_ENGINE = 'undici';
