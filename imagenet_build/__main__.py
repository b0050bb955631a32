"""`python -m imagenet_build`, the same as the console script."""

from imagenet_build.cli.app import main

if __name__ == "__main__":
    main()
