"""Prints the Region of a bucket, which is part of the URLs of its objects.

S3 names the Region even when it refuses access: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
"""

import os
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def region(bucket):
    session = boto3.Session()
    client = session.client("s3", region_name=os.environ.get("AWS_REGION") or session.region_name or "us-east-1")
    try:
        answer = client.head_bucket(Bucket=bucket)
    except ClientError as refused:
        answer = refused.response
    return answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")


def main(bucket):
    try:
        found = region(bucket)
    except BotoCoreError as wrong:
        return f"package: {wrong}"
    if not found:
        return f"package: the bucket {bucket} does not exist, or your credentials are not valid."
    print(found)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
